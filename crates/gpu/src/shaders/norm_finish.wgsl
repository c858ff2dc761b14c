// Joins the slices of a normalisation's statistics, updates the running ones, and writes for each channel
// (mean, scale / deviation, shift, 1 / deviation). With PREDICT or a frozen mean the running ones normalise.
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
    let c = group.x * 64u + t;
    if (c >= p.channels) { return; }
    var mean = parameters[p.mean + c];
    var variance = parameters[p.variance + c];
    if (PREDICT == 0u && !fixed_statistics()) {
        let total = step.images * p.rows;
        let share = (total + p.slices - 1u) / p.slices;
        var count = 0.0;
        var own = vec2f(0.0);
        // Chan, Golub and LeVeque: the mean and the squared distances of two parts joined.
        for (var slice = 0u; slice < p.slices; slice++) {
            let begin = min(slice * share, total);
            let more = f32(min(begin + share, total) - begin);
            if (more > 0.0) {
                let part = slices[slice * p.channels + c];
                let gap = part.x - own.x;
                let all = count + more;
                own = vec2f(own.x + gap * (more / all), own.y + part.y + gap * gap * (count * more / all));
                count = all;
            }
        }
        let old = vec2f(mean, variance);
        mean = own.x;
        variance = own.y / count;
        let unbiased = own.y / max(count - 1.0, 1.0);
        let running = old * (1.0 - p.momentum) + vec2f(mean, unbiased) * p.momentum;
        keep_statistics(c, running);
    }
    let inverse = 1.0 / sqrt(variance + p.epsilon);
    var scale = 1.0;
    if (SCALED == 1u) { scale = parameters[p.scale + c]; }
    norm[c] = vec4f(mean, scale * inverse, parameters[p.shift + c], inverse);
}
