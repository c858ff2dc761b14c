// Mean of windows that do not overlap.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    let at = i / p.y_channels;
    let c = i % p.y_channels;
    if (at >= step.images * p.rows) { return; }
    let image = at / p.rows;
    let top = at % p.rows / p.width * p.kernel_height;
    let left = at % p.width * p.kernel_width;
    var sum = 0.0;
    for (var down = 0u; down < p.kernel_height; down++) {
        for (var right = 0u; right < p.kernel_width; right++) {
            sum += x_at((image * p.x_height + top + down) * p.x_width + left + right, c);
        }
    }
    y_put(at, c, sum * p.factor);
}
