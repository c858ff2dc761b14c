// Joins the slices of a normalisation's statistics, updates the running ones, and writes for each channel
// mean, scale / deviation, shift and 1 / deviation, in four rows. With PREDICT or a frozen mean the running
// ones normalise. A workgroup takes 32 channels; eight threads share the slices of one.
var<workgroup> parts: array<vec3f, 256>;

/// Chan, Golub and LeVeque: count, mean and squared distances of two parts joined.
fn join(a: vec3f, b: vec3f) -> vec3f {
    if (b.x == 0.0) { return a; }
    let all = a.x + b.x;
    let gap = b.y - a.y;
    return vec3f(all, a.y + gap * (b.x / all), a.z + b.z + gap * gap * (a.x * b.x / all));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
    let c = group.x * 32u + t % 32u;
    let total = step.images * p.rows;
    let share = (total + p.slices - 1u) / p.slices;
    var own = vec3f(0.0);
    if (PREDICT == 0u && c < p.channels) {
        for (var slice = t / 32u; slice < p.slices; slice += 8u) {
            let begin = min(slice * share, total);
            let part = slices[slice * p.channels + c];
            own = join(own, vec3f(f32(min(begin + share, total) - begin), part));
        }
    }
    parts[t] = own;
    workgroupBarrier();
    if (t >= 32u || c >= p.channels) { return; }
    for (var i = 1u; i < 8u; i++) { own = join(own, parts[t + 32u * i]); }
    var mean = parameters[p.mean + c];
    var variance = parameters[p.variance + c];
    if (PREDICT == 0u && !fixed_statistics()) {
        let old = vec2f(mean, variance);
        mean = own.y;
        variance = own.z / own.x;
        let unbiased = own.z / max(own.x - 1.0, 1.0);
        keep_statistics(c, old * (1.0 - p.momentum) + vec2f(mean, unbiased) * p.momentum);
    }
    let inverse = 1.0 / sqrt(variance + p.epsilon);
    var scale = 1.0;
    if (SCALED == 1u) { scale = parameters[p.scale + c]; }
    let at = p.first + c;
    norm[at] = mean;
    norm[p.row + at] = scale * inverse;
    norm[2u * p.row + at] = parameters[p.shift + c];
    norm[3u * p.row + at] = inverse;
}
