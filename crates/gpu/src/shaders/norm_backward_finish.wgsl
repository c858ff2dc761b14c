// Adds up the slices of the sums of dy and of dy x normalised x; writes the gradients of shift and scale, and
// for each channel what the gradient by x is made of: (mean, scale / deviation, share of the sum of dy,
// share of the sum of products / deviation).
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
    let c = group.x * 64u + t;
    if (c >= p.channels) { return; }
    var sum = vec2f(0.0);
    for (var slice = 0u; slice < p.slices; slice++) { sum += slices[slice * p.channels + c]; }
    gradients[p.shift + c] = sum.x;
    if (SCALED == 1u) { gradients[p.scale + c] = sum.y; }
    let n = norm[c];
    var through = vec2f(0.0);
    if (rates[p.parameter].w != 0.0) { through = sum / f32(step.images * p.rows); }
    back[c] = vec4f(n.x, n.y, through.x, through.y * n.w);
}
