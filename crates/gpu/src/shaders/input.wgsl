// Bytes of images to floats in [0, 1].
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    if (i >= step.images * p.values) { return; }
    let byte = (pixels[i / 4u] >> (8u * (i % 4u))) & 255u;
    y_put(i / p.y_channels, i % p.y_channels, f32(byte) / 255.0);
}
