// Filters (k, c, taps) in the layouts of the products: (taps, inner, outer), with outer channels padded to
// fours. `blocks` names the filter of each 64 values, `table` describes it.

/// Row of the transform of filters of Winograd's F(2x2, 3x3).
fn transform(row: u32) -> vec3f {
    if (row == 0u) { return vec3f(1.0, 0.0, 0.0); }
    if (row == 3u) { return vec3f(0.0, 0.0, 1.0); }
    return vec3f(0.5, select(-0.5, 0.5, row == 1u), 0.5);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    if (i >= p.values) { return; }
    let d = 9u * blocks[i / 64u];
    // First value here, first value of the parameter, taps, inner and outer channels, outer padded, steps of
    // inner and of outer channels within the parameter, form.
    let e = i - table[d];
    let padded = table[d + 5u];
    let outer = e % padded;
    let inner = (e / padded) % table[d + 3u];
    let tap = e / padded / table[d + 3u];
    let form = table[d + 8u];
    var value = 0.0;
    if (outer < table[d + 4u] && tap < table[d + 2u]) {
        let first = table[d + 1u] + inner * table[d + 6u] + outer * table[d + 7u];
        if (form == 0u) {
            value = parameters[first + tap];
        } else {
            // The gradient by the input is a convolution with the window turned by half a circle.
            let down = transform(tap / 4u);
            let right = transform(tap % 4u);
            for (var j = 0u; j < 9u; j++) {
                let source = select(j, 8u - j, form == 2u);
                value += down[j / 3u] * right[j % 3u] * parameters[first + source];
            }
        }
    }
    filters[i] = value;
}
