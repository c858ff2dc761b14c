//! `modiste devices`: the GPUs of this machine.

use crate::failure::Failure;
use crate::output;

/// Prints a line, or an element of a list, for each GPU.
pub fn run(json: bool) -> Result<(), Failure> {
    let adapters = modiste_gpu::adapters()?;
    if json {
        return Ok(output::print_json(&adapters)?);
    }
    if adapters.is_empty() {
        output::note("modiste: no GPU found: no driver for Vulkan, Metal or DirectX 12 offers one");
    }
    Ok(output::print(&adapters.iter().map(|line| format!("{line}\n")).collect::<String>())?)
}
