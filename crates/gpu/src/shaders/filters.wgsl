// Filters (k, c, taps) in the layouts of the products: (taps, inner, outer), with outer channels padded to
// fours. `blocks` names the filter of each 64 values, `table` describes it.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) local: u32) {
    let i = thread_of(group, groups, local);
    if (i >= p.values) { return; }
    let d = 8u * blocks[i / 64u];
    // First value here, first value of the parameter, taps, inner and outer channels, outer padded, steps of
    // inner and of outer channels within the parameter.
    let e = i - table[d];
    let padded = table[d + 5u];
    let outer = e % padded;
    let inner = (e / padded) % table[d + 3u];
    let tap = e / padded / table[d + 3u];
    var value = 0.0;
    if (outer < table[d + 4u] && tap < table[d + 2u]) {
        value = parameters[table[d + 1u] + inner * table[d + 6u] + outer * table[d + 7u] + tap];
    }
    filters[i] = value;
}
