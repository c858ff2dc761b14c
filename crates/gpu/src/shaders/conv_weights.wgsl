// The gradient of a filter: for one tap, rows are channels of x, columns channels of dy, and sums run over a
// slice of the pixels of dy. A workgroup computes TM rows and TN columns, a thread 4 RM rows and 4 RN columns.
const ROWS: u32 = TM / 4u;
const COLUMNS: u32 = TN / 4u;
var<workgroup> tile_x: array<vec4f, TP * ROWS>;
var<workgroup> tile_dy: array<vec4f, TP * COLUMNS>;

/// Pixel of x that meets a pixel of dy at a tap, or -1.
fn origin(at: u32, end: u32, tap: u32) -> i32 {
    if (at >= end) { return -1; }
    let image = at / p.rows;
    let pixel = at % p.rows;
    let row = i32(pixel / p.width * p.stride) + i32(tap / p.kernel) - i32(p.padding);
    let column = i32(pixel % p.width * p.stride) + i32(tap % p.kernel) - i32(p.padding);
    if (row < 0 || column < 0 || row >= i32(p.x_height) || column >= i32(p.x_width)) { return -1; }
    return i32((image * p.x_height + u32(row)) * p.x_width + u32(column));
}

fn keep(at: u32, k: u32, v: vec4f) {
    if (k < p.dy_channels) { slices[at] = v.x; }
    if (k + 1u < p.dy_channels) { slices[at + 1u] = v.y; }
    if (k + 2u < p.dy_channels) { slices[at + 2u] = v.z; }
    if (k + 3u < p.dy_channels) { slices[at + 3u] = v.w; }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) t: u32) {
    let slice = group.x;
    let column = (group.z % p.column_tiles) * TN;
    let first = (group.z / p.column_tiles % p.row_tiles) * TM;
    let tap = group.z / p.column_tiles / p.row_tiles;
    let pixels = step.images * p.rows;
    let share = (pixels + p.slices - 1u) / p.slices;
    let begin = min(slice * share, pixels);
    let end = min(begin + share, pixels);
    let my_row = t / (COLUMNS / RN);
    let my_column = t % (COLUMNS / RN);
#for m RM
#for n RN
#for i 4
    var sum{m}_{n}_{i} = vec4f(0.0);
#end
#end
#end
    for (var pixel = begin; pixel < end; pixel += TP) {
#for i XLOADS
        {
            let e = t + {i}u * THREADS;
            if (e < TP * ROWS) {
                let source = origin(pixel + e / ROWS, end, tap);
                var v = vec4f(0.0);
                if (source >= 0) { v = x_at4(u32(source), first + 4u * (e % ROWS)); }
                tile_x[e] = v;
            }
        }
#end
#for i YLOADS
        {
            let e = t + {i}u * THREADS;
            if (e < TP * COLUMNS) {
                var v = vec4f(0.0);
                if (pixel + e / COLUMNS < end) {
                    v = dy_at4(pixel + e / COLUMNS, column + 4u * (e % COLUMNS));
                }
                tile_dy[e] = v;
            }
        }
#end
        workgroupBarrier();
#for k TP
        {
#for m RM
            let a{m} = tile_x[{k}u * ROWS + my_row + {m}u * (ROWS / RM)];
#end
#for n RN
            {
                let b = tile_dy[{k}u * COLUMNS + my_column + {n}u * (COLUMNS / RN)];
#for m RM
#for i 4
                sum{m}_{n}_{i} += a{m}[{i}] * b;
#end
#end
            }
#end
        }
#end
        workgroupBarrier();
    }
#for m RM
#for n RN
#for i 4
    {
        let c = first + 4u * (my_row + {m}u * (ROWS / RM)) + {i}u;
        let k = column + 4u * (my_column + {n}u * (COLUMNS / RN));
        if (c < p.x_channels) {
            keep(((slice * p.taps + tap) * p.x_channels + c) * p.dy_channels + k, k, sum{m}_{n}_{i});
        }
    }
#end
#end
#end
}
