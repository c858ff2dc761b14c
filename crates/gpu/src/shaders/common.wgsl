// Before every shader.

/// Number of this thread among all, if a workgroup has 256.
fn thread_of(group: vec3u, groups: vec3u, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 256u + local;
}
