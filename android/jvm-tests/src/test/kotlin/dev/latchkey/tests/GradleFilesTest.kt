package dev.latchkey.tests

import java.io.ByteArrayOutputStream
import java.io.File
import java.io.PrintStream
import java.nio.file.Path
import org.jetbrains.kotlin.cli.jvm.K2JVMCompiler
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource

/**
 * The files that Android Studio builds the library and the sample by. Gradle runs nowhere here; what can be seen without
 * it is that they are Kotlin, and that they say the same as the poms and manifests, which the other tests run with.
 */
class GradleFilesTest {
    @TempDir
    lateinit var folder: Path

    private val pom = text("pom.xml")
    private val catalog = text("gradle/libs.versions.toml")
    private val library = text("latchkey/build.gradle.kts")
    private val app = text("app/build.gradle.kts")

    @ParameterizedTest
    @ValueSource(
        strings = ["settings.gradle.kts", "build.gradle.kts", "latchkey/build.gradle.kts", "app/build.gradle.kts"],
    )
    fun `each Gradle file is Kotlin`(name: String) {
        val messages = compiled(File(ANDROID, name))
        assertEquals(emptyList<String>(), messages.filter { SYNTAX_ERROR in it })
        // Nothing of Gradle is here, so the compiler has read the file if it does not know a name.
        assertTrue(messages.any { "unresolved reference" in it }, "$messages")
    }

    @Test
    fun `a Gradle file that is broken is noticed`() {
        val broken = folder.resolve("broken.gradle.kts").toFile()
        broken.writeText(app.replaceFirst("android {", "android ("))
        assertTrue(compiled(broken).any { SYNTAX_ERROR in it })
    }

    @Test
    fun `Gradle takes the versions that the tests run with`() {
        for (name in listOf("kotlin", "coroutines", "jna")) {
            assertEquals(property(pom, "$name.version"), version(name), name)
        }
        // Robolectric counts as people do: its 15 is API 35.
        assertEquals(property(pom, "android.compile").substringBefore('-').toInt() + 20, version("compileSdk").toInt())
        assertEquals(property(pom, "android.min"), version("minSdk"))
        assertEquals(property(pom, "android.target"), version("targetSdk"))
        val native = File(ANDROID, "../xtask/src/android/native.rs").readText()
        assertTrue("MIN_SDK: &str = \"${version("minSdk")}\"" in native, "the NDK's compiler has another minimum")
    }

    @Test
    fun `the library and the sample have the same names wherever they are built`() {
        val its = text("latchkey/pom.xml")
        assertTrue("group = \"${property(its, "groupId")}\"" in library)
        assertTrue("artifactId = \"${property(its.substringAfter("</parent>"), "artifactId")}\"" in library)
        assertTrue("namespace = \"${property(its, "android.package")}\"" in library)
        val sample = property(text("app/pom.xml"), "android.package")
        assertTrue("namespace = \"$sample\"" in app && "applicationId = \"$sample\"" in app)
        val itsVersion = Regex("--version-code (\\d+) --version-name (\\S+)").find(text("app/pom.xml"))!!.groupValues
        assertTrue("versionCode = ${itsVersion[1]}\n" in app && "versionName = \"${itsVersion[2]}\"" in app)
    }

    @Test
    fun `the manifests leave to Gradle what its plugin refuses in them`() {
        for (name in listOf("latchkey", "app")) {
            assertFalse(" package=" in manifest(name), name)
            assertFalse("<uses-sdk" in manifest(name), name)
        }
    }

    @Test
    fun `the manifest merger is that of Gradle's plugin`() {
        val (major, rest) = version("agp").split('.', limit = 2)
        assertEquals("${major.toInt() + 23}.$rest", property(text("manifest-merger/pom.xml"), "manifest-merger.version"))
    }

    @Test
    fun `the sample fills in each placeholder of the library's manifest, as its pom does`() {
        val placeholders = Regex("\\$\\{(\\w+)}").findAll(manifest("latchkey")).map { it.groupValues[1] }.toSet()
        val filled = Regex("manifestPlaceholders\\[\"(\\w+)\"] = \"(.+)\"").findAll(app)
            .associate { it.groupValues[1] to it.groupValues[2] }
        assertEquals(placeholders, filled.keys)
        for ((name, value) in filled) {
            assertEquals(property(text("app/pom.xml"), name), value, name)
        }
    }

    private fun text(name: String) = File(ANDROID, name).readText()

    private fun manifest(module: String) =
        text("$module/src/main/AndroidManifest.xml").replace(Regex("<!--.*?-->", RegexOption.DOT_MATCHES_ALL), "")

    private fun property(pom: String, name: String) = pom.substringAfter("<$name>").substringBefore("</$name>")

    /** The value of a name among the catalog's versions. */
    private fun version(name: String) =
        checkNotNull(Regex("(?m)^$name = \"(.+)\"").find(catalog)) { "no $name in the catalog" }.groupValues[1]

    /** What the Kotlin compiler says of a script. */
    private fun compiled(script: File): List<String> {
        val said = ByteArrayOutputStream()
        val options = arrayOf("-no-stdlib", "-Xallow-any-scripts-in-source-roots", "-d", "$folder", "$script")
        K2JVMCompiler().exec(PrintStream(said), *options)
        return said.toString().lines()
    }

    private companion object {
        val ANDROID: File = File("..").canonicalFile
        const val SYNTAX_ERROR = "error: syntax error"
    }
}
