plugins {
    alias(libs.plugins.android.library)
    `maven-publish`
}

val root: File = rootDir.parentFile

group = "dev.latchkey"
version = Regex("(?m)^version = \"(.+)\"").find(root.resolve("Cargo.toml").readText())!!.groupValues[1]

android {
    namespace = "dev.latchkey"
    compileSdk = libs.versions.compileSdk.get().toInt()

    defaultConfig {
        minSdk = libs.versions.minSdk.get().toInt()
        consumerProguardFiles("consumer-rules.pro")
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    sourceSets {
        named("main") {
            // Both are made by the tasks below.
            kotlin.directories += root.resolve("target/bindings/kotlin").path
            jniLibs.directories += root.resolve("target/android/jni").path
        }
    }

    publishing {
        singleVariant("release") {
            withSourcesJar()
        }
    }
}

dependencies {
    api(libs.kotlin.stdlib)
    api(libs.coroutines.android)
    api(libs.jna) {
        // Its jar has libraries for desktops, its aar those for phones.
        artifact { type = "aar" }
    }
}

// Rust's own tools know what is new; both return at once if nothing is.
val bindings by tasks.registering(Exec::class) {
    description = "Generates the Kotlin sources from the core."
    workingDir = root
    commandLine("cargo", "xtask", "bindings")
}

val core by tasks.registering(Exec::class) {
    description = "Builds the core for phones, by the NDK that ANDROID_NDK_HOME or ANDROID_NDK_ROOT names."
    mustRunAfter(bindings)
    workingDir = root
    commandLine("cargo", "xtask", "package", "android", "--native-only")
}

tasks.named("preBuild") {
    dependsOn(bindings, core)
}

publishing {
    publications {
        register<MavenPublication>("release") {
            artifactId = "latchkey"
            afterEvaluate { from(components["release"]) }
        }
    }
}
