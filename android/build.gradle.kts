buildscript {
    dependencies {
        // Android's plugin compiles Kotlin itself, by an older Kotlin than ours if nobody says which.
        classpath(libs.kotlin.gradle.plugin)
    }
}

plugins {
    alias(libs.plugins.android.library) apply false
    alias(libs.plugins.android.application) apply false
}
