// Copies `factor` x values, from pixels of `x_channels` channels to pixels of `y_channels`; used for parts of
// joined maps, rows of flattened ones, and summands. With FOURS four channels at a time, if both have as many.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    if (i >= step.images * p.values) { return; }
    if (FOURS == 1u) {
        let fours = p.x_channels / 4u;
        let c = 4u * (i % fours);
        y_put4(i / fours, c, p.factor * x_load4(i / fours, c, x_norm4(c)));
    } else {
        y_put(i / p.y_channels, i % p.y_channels, p.factor * x_at(i / p.x_channels, i % p.x_channels));
    }
}
