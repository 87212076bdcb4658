package dev.latchkey.tests

import org.junit.jupiter.api.extension.AfterAllCallback
import org.junit.jupiter.api.extension.BeforeAllCallback
import org.junit.jupiter.api.extension.BeforeEachCallback
import org.junit.jupiter.api.extension.ExtensionContext

/** A development server for each test class, without a fault at the start of each test. */
class DevServer : DevServerProcess(), BeforeAllCallback, BeforeEachCallback, AfterAllCallback {
    override fun beforeAll(context: ExtensionContext) = start()

    override fun beforeEach(context: ExtensionContext) = reset()

    override fun afterAll(context: ExtensionContext) = stop()
}
