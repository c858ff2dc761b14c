// Divides each matrix by its Frobenius norm; a workgroup for each.
var<workgroup> parts: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
    let first = table[8u * group.x];
    let len = table[8u * group.x + 1u] * table[8u * group.x + 2u];
    var sum = 0.0;
    for (var i = t; i < len; i += 256u) { sum += matrices[first + i] * matrices[first + i]; }
    parts[t] = sum;
    workgroupBarrier();
    for (var half = p.half; half > 0u; half /= 2u) {
        if (t < half) { parts[t] += parts[t + half]; }
        workgroupBarrier();
    }
    let norm = max(sqrt(parts[0]), p.epsilon);
    for (var i = t; i < len; i += 256u) { matrices[first + i] /= norm; }
}
