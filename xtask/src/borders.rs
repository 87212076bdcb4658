//! To come.
use crate::project::Project;
pub(crate) fn violations(_: &Project) -> anyhow::Result<Vec<String>> {
    Ok(vec![])
}
