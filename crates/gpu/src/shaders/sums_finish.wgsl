// Adds up the slices of a bias's gradient.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
    let c = group.x * 64u + t;
    if (c >= p.channels) { return; }
    var sum = 0.0;
    for (var slice = 0u; slice < p.slices; slice++) { sum += slices[slice * p.channels + c].x; }
    gradients[p.first + c] = sum;
}
