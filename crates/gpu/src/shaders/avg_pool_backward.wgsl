@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    let at = i / p.dx_channels;
    let c = i % p.dx_channels;
    let pixels = p.x_height * p.x_width;
    if (at >= step.images * pixels) { return; }
    let row = at % pixels / p.x_width / p.kernel_height;
    let column = at % p.x_width / p.kernel_width;
    var v = 0.0;
    if (row < p.height && column < p.width) {
        v = dy_at((at / pixels * p.height + row) * p.width + column, c) * p.factor;
    }
    dx_put(at, c, v);
}
