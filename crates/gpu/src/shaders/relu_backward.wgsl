@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    let pixel = i / p.dx_channels;
    let c = i % p.dx_channels;
    if (pixel >= step.images * p.rows) { return; }
    dx_put(pixel, c, select(0.0, dy_at(pixel, c), x_at(pixel, c) > 0.0));
}
