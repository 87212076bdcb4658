// What the sample needs of Accessibility, for Linux. Each declaration is as on the page that is named above it: all of
// them are below https://developer.apple.com/documentation/accessibility/.
import Foundation

/// accessibilitynotification
public enum AccessibilityNotification {
    /// accessibilitynotification/announcement
    public struct Announcement {
        private let announcement: String

        /// accessibilitynotification/announcement/init(_:)-621va
        public init(_ announcement: String) {
            self.announcement = announcement
        }

        /// accessibilitynotification/announcement/post()
        public func post() {
            AnnouncementsStandIn.add(announcement)
        }
    }
}
