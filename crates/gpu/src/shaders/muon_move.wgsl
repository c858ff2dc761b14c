// Moves the matrices by their orthogonal steps.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    if (i >= p.values) { return; }
    let owner = blocks[i / 64u];
    let rate = rates[owner & 0xFFFFFFu];
    if ((owner & MATRIX) == 0u || rate.w == 0.0) { return; }
    parameters[i] = parameters[i] * rate.y - rate.x * matrices[i];
}
