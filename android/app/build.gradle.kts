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

        // Of the redirect URI dev.latchkey.sample:/callback.
        manifestPlaceholders["latchkeyRedirectScheme"] = "dev.latchkey.sample"

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
