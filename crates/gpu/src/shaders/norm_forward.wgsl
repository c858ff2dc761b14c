// (x - mean) x scale / deviation + shift.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    let pixel = i / p.y_channels;
    let c = i % p.y_channels;
    if (pixel >= step.images * p.rows) { return; }
    let at = p.first + c;
    y_put(pixel, c, (x_at(pixel, c) - norm[at]) * norm[p.row + at] + norm[2u * p.row + at]);
}
