// Before every shader.

/// Number of this thread among all, if a workgroup has 256.
fn thread_of(group: vec3u, groups: vec3u, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 256u + local;
}

/// Statistics that normalise four channels.
struct Norm4 {
    mean: vec4f,
    factor: vec4f,
    shift: vec4f,
}

/// One value normalised.
fn norm1(v: f32, n: Norm4, i: u32) -> f32 { return (v - n.mean[i]) * n.factor[i] + n.shift[i]; }

/// Two sums of four channels.
struct Pair {
    sum: vec4f,
    square: vec4f,
}
