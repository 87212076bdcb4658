plugins {
    alias(libs.plugins.android.application)
}

android {
    namespace = "dev.latchkey.sample"
    compileSdk = libs.versions.compileSdk.get().toInt()

    defaultConfig {
        applicationId = "dev.latchkey.sample"
        minSdk = libs.versions.minSdk.get().toInt()
        targetSdk = libs.versions.targetSdk.get().toInt()
        versionCode = 1
        versionName = "1.0"

        // The redirect URI dev.latchkey.sample:/callback. What the four mean: ../latchkey/README.md.
        manifestPlaceholders["latchkeyRedirectScheme"] = "dev.latchkey.sample"
        manifestPlaceholders["latchkeyRedirectHost"] = "unused.invalid"
        manifestPlaceholders["latchkeyRedirectPath"] = "/callback"
        manifestPlaceholders["latchkeyAppLink"] = "false"

        ndk {
            // The core is built for these phones alone; JNA would bring more.
            abiFilters += "arm64-v8a"
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"))
        }
    }
}

dependencies {
    implementation(project(":latchkey"))
}
