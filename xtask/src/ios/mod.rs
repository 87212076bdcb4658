//! The Swift package as apps get it: the XCFramework, the privacy manifest, the commit that a release tag names.

pub(crate) mod privacy;
pub(crate) mod release;
mod steps;
pub(crate) mod xcframework;

use anyhow::{Result, ensure};

use crate::bindings;
use crate::project::Project;
use crate::steps::Steps;

/// `cargo xtask package ios`. Only a Mac has the tools; elsewhere the same steps are printed.
pub(crate) fn package(project: &Project, verbose: bool) -> Result<bool> {
    let steps = steps::package();
    if !cfg!(target_os = "macos") {
        print!("{}", steps::text(&steps));
        println!("Not run: this needs a Mac with Xcode. The lines above are what it does there.");
        return Ok(true);
    }
    let mut lane = Steps::new(project, "package", verbose)?;
    if !bindings::generate(project, false, &mut lane)? {
        return Ok(false);
    }
    for step in &steps {
        if !lane.run(step.what, &mut step.command(project))?.ok {
            return Ok(false);
        }
    }
    let framework = project.root.join(xcframework::PATH);
    lane.look("structure of the XCFramework", || {
        xcframework::problems(&framework)
    })
}

/// The checksum that the manifest of a release names, of the zip that was made on this Mac.
fn checksum(project: &Project) -> Result<String> {
    let output = steps::checksum().command(project).output()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(
        output.status.success() && text.len() == 64,
        "no checksum of {}: run `cargo xtask package ios` first",
        steps::ZIP
    );
    Ok(text)
}
