// One product of a Newton-Schulz iteration for all matrices X (short, long), a tile of 16 x 16 for each
// workgroup. STAGE 0: out = X X^T; 1: out = b A + c A A; 2: out = a X + P X.
var<workgroup> left_tile: array<f32, 256>;
var<workgroup> right_tile: array<f32, 256>;

fn left_at(d: u32, row: u32, k: u32) -> f32 {
    let short = table[d + 1u];
    if (STAGE == 0u) { return x_value(table[d] + row * table[d + 3u] + k * table[d + 4u]); }
    return gram_at(table[d + 5u] + row * short + k);
}

fn right_at(d: u32, k: u32, column: u32) -> f32 {
    let short = table[d + 1u];
    if (STAGE == 0u) { return x_value(table[d] + column * table[d + 3u] + k * table[d + 4u]); }
    if (STAGE == 1u) { return gram_at(table[d + 5u] + k * short + column); }
    return x_value(table[d] + k * table[d + 3u] + column * table[d + 4u]);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) t: u32) {
    // First value, short and long side, steps along them, first value of its Gram matrix.
    let d = 8u * group.z;
    let short = table[d + 1u];
    let long = table[d + 2u];
    let columns = select(short, long, STAGE == 2u);
    let inner = select(short, long, STAGE == 0u);
    let tile = group.y * groups.x + group.x;
    let tiles = (columns + 15u) / 16u;
    let row = tile / tiles * 16u + t / 16u;
    let column = tile % tiles * 16u + t % 16u;
    var sum = 0.0;
    for (var k = 0u; k < inner; k += 16u) {
        let along = k + t % 16u;
        let down = k + t / 16u;
        left_tile[t] = 0.0;
        right_tile[t] = 0.0;
        if (row < short && along < inner) { left_tile[t] = left_at(d, row, along); }
        if (column < columns && down < inner) { right_tile[t] = right_at(d, down, column); }
        workgroupBarrier();
#for j 16
        sum += left_tile[(t / 16u) * 16u + {j}u] * right_tile[{j}u * 16u + t % 16u];
#end
        workgroupBarrier();
    }
    if (row >= short || column >= columns) { return; }
    if (STAGE == 0u) { out[table[d + 5u] + row * short + column] = sum; }
    if (STAGE == 1u) {
        out[table[d + 5u] + row * short + column] = p.b * left_at(d, row, column) + p.c * sum;
    }
    if (STAGE == 2u) {
        let at = table[d] + row * table[d + 3u] + column * table[d + 4u];
        out[at] = p.a * x_value(at) + sum;
    }
}
