#if canImport(UIKit)
    import UIKit

    extension UIApplication {
        /// The app of this process; none in an app extension. Asked for by its selector: a package that an extension links
        /// may not name `shared`.
        static func ofThisProcess(bundlePath: String = Bundle.main.bundlePath) -> UIApplication? {
            guard !bundlePath.hasSuffix(".appex") else { return nil }
            let app = UIApplication.perform(NSSelectorFromString("sharedApplication"))
            return app?.takeUnretainedValue() as? UIApplication
        }
    }
#endif
