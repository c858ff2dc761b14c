// Convolution as a product: each row is a pixel of y, each column a channel of y; sums run over the taps and
// the channels of x. A workgroup computes TM rows and TN columns, a thread RM rows and 4 RN columns.
// With TRANSPOSED, x is the gradient by the output and y that by the input: pixels scatter what they were
// gathered from.
const PADDED: u32 = LANES + 1u;
const COLUMNS: u32 = TN / 4u;
var<workgroup> tile_x: array<vec4f, TM * PADDED>;
var<workgroup> tile_w: array<vec4f, TK * COLUMNS>;

/// Pixel of x that is read for a pixel of y, or -1.
fn origin(at: u32, rows: u32, tap: u32) -> i32 {
    if (at >= rows) { return -1; }
    let image = at / p.rows;
    let pixel = at % p.rows;
    let down = i32(tap / p.kernel) - i32(p.padding);
    let right = i32(tap % p.kernel) - i32(p.padding);
    var row = i32(pixel / p.width);
    var column = i32(pixel % p.width);
    if (TRANSPOSED == 1u) {
        row -= down;
        column -= right;
        let stride = i32(p.stride);
        if (row % stride != 0 || column % stride != 0) { return -1; }
        row /= stride;
        column /= stride;
    } else {
        row = row * i32(p.stride) + down;
        column = column * i32(p.stride) + right;
    }
    if (row < 0 || column < 0 || row >= i32(p.x_height) || column >= i32(p.x_width)) { return -1; }
    return i32((image * p.x_height + u32(row)) * p.x_width + u32(column));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) t: u32) {
    let first = (group.y * groups.x + group.x) * TM;
    let column = group.z * TN;
    let rows = step.images * p.rows;
    let lane = t % LANES;
    let my_row = t / (COLUMNS / RN);
    let my_column = t % (COLUMNS / RN);
#for i RM
#for n RN
    var sum{i}_{n} = vec4f(0.0);
#end
#end
    for (var tap = 0u; tap < p.taps; tap++) {
#for i LOADS
        let from{i} = origin(first + t / LANES + {i}u * (THREADS / LANES), rows, tap);
#end
        for (var c = 0u; c < p.x_channels; c += TK) {
            let c4 = c + 4u * lane;
            let n4 = x_norm4(c4);
#for i LOADS
            {
                var v = vec4f(0.0);
                if (from{i} >= 0 && c4 < p.x_channels) { v = x_load4(u32(from{i}), c4, n4); }
                let row = t / LANES + {i}u * (THREADS / LANES);
                if (row < TM) { tile_x[row * PADDED + lane] = v; }
            }
#end
#for i WLOADS
            {
                let e = t + {i}u * THREADS;
                if (e < TK * COLUMNS) {
                    let inner = c + e / COLUMNS;
                    let outer = column + 4u * (e % COLUMNS);
                    var v = vec4f(0.0);
                    if (inner < p.x_channels && outer < p.padded) {
                        v = filters[((tap * p.x_channels + inner) * p.padded + outer) / 4u];
                    }
                    tile_w[e] = v;
                }
            }
#end
            workgroupBarrier();
#for k LANES
            {
#for i RM
                let a{i} = tile_x[(my_row + {i}u * (TM / RM)) * PADDED + {k}u];
#end
#for j 4
#for n RN
                {
                    let b = tile_w[(4u * {k}u + {j}u) * COLUMNS + my_column + {n}u * (COLUMNS / RN)];
#for i RM
                    sum{i}_{n} += a{i}[{j}] * b;
#end
                }
#end
#end
            }
#end
            workgroupBarrier();
        }
    }
#for n RN
    {
        let c = column + 4u * (my_column + {n}u * (COLUMNS / RN));
        var b = vec4f(0.0);
        if (BIAS == 1u) { b = bias_of(c); }
#for i RM
        {
            let at = first + my_row + {i}u * (TM / RM);
            if (at < rows) { y_put4(at, c, sum{i}_{n} + b); }
        }
#end
    }
#end
}
