// The gradient by the input of a normalisation, also through its statistics, four channels at a time.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    let pixel = i / p.fours;
    let four = i % p.fours;
    if (pixel >= step.images * p.rows) { return; }
    let c = 4u * four;
    let x = x_load4(pixel, c, x_norm4(c));
    let dy = dy_load4(pixel, c, dy_norm4(c));
    let normal = (x - back[four]) * back[3u * p.fours + four];
    dx_put4(pixel, c, (dy - back[2u * p.fours + four] - normal) * back[p.fours + four]);
}
