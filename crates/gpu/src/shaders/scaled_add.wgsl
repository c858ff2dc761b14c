// a + factor x b, four channels at a time.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    let pixel = i / p.fours;
    if (pixel >= step.images * p.rows) { return; }
    let c = 4u * (i % p.fours);
    y_put4(pixel, c, a_load4(pixel, c, a_norm4(c)) + p.factor * b_load4(pixel, c, b_norm4(c)));
}
