// Convolution with windows of 3 x 3 at step 1 by Winograd's method F(2x2, 3x3) (Lavin and Gray 2016): a tile of
// 2 x 2 outputs takes 16 products for each pair of channels in place of 36. A workgroup computes 32 tiles of 32
// channels: it transforms patches of x as it loads them, multiplies 16 pairs of matrices, and transforms the sums
// before it writes them, so that nothing transformed leaves the workgroup. The filters were transformed once.
//
// First half of `room`: patches (16, 32 tiles) of four channels; second half: filters (16, 4 channels, 8 fours of
// outputs). Later the sums of eight outputs: (16, 32 tiles, 2 fours).
var<workgroup> room: array<vec4f, 1024>;

fn patch_at(image: u32, row: i32, column: i32, c: u32, n: Norm4) -> vec4f {
    if (row < 0 || column < 0 || row >= i32(p.height) || column >= i32(p.width)) { return vec4f(0.0); }
    return x_load4((image * p.height + u32(row)) * p.width + u32(column), c, n);
}

/// Element `i` of a row of the transform of outputs: (1, 1, 1, 0) or (0, 1, -1, -1).
fn weight_of(odd: bool, i: u32) -> f32 {
    if (odd) { return select(select(-1.0, 1.0, i == 1u), 0.0, i == 0u); }
    return select(1.0, 0.0, i == 3u);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) t: u32) {
    let first = (group.y * groups.x + group.x) * 32u;
    let column = group.z * 32u;
    let tiles = step.images * p.tiles;
    // Loading: the first half of the threads takes a row of a transformed patch each.
    let r = t % 4u;
    let place = t / 4u % 32u;
    let tile = first + place;
    let top = i32(tile % p.tiles / p.across) * 2 - 1;
    let left = i32(tile % p.tiles % p.across) * 2 - 1;
    let upper = top + select(i32(r), 1, r == 3u);
    let lower = top + select(select(2, 1, r == 2u), 3, r == 3u);
    let sign = select(-1.0, 1.0, r == 1u);
    // Multiplying: 16 threads for each pair of matrices, each 8 tiles and 8 outputs.
    let xi = t / 16u;
    let my_tile = t % 16u / 4u;
    let my_four = t % 4u;
#for i 8
#for n 2
    var sum{i}_{n} = vec4f(0.0);
#end
#end
    for (var c = 0u; c < p.x_channels; c += 4u) {
        if (t < 128u) {
#for j 4
            var e{j} = vec4f(0.0);
#end
            if (tile < tiles) {
                let image = tile / p.tiles;
                let n = x_norm4(c);
#for j 4
                e{j} = patch_at(image, upper, left + {j}, c, n) + sign * patch_at(image, lower, left + {j}, c, n);
#end
            }
            room[(4u * r + 0u) * 32u + place] = e0 - e2;
            room[(4u * r + 1u) * 32u + place] = e1 + e2;
            room[(4u * r + 2u) * 32u + place] = e2 - e1;
            room[(4u * r + 3u) * 32u + place] = e1 - e3;
        } else {
#for i 4
            {
                let e = t - 128u + {i}u * 128u;
                let inner = c + e / 8u % 4u;
                let outer = column + 4u * (e % 8u);
                var v = vec4f(0.0);
                if (inner < p.x_channels && outer < p.padded) {
                    v = filters[((e / 32u * p.x_channels + inner) * p.padded + outer) / 4u];
                }
                room[512u + e] = v;
            }
#end
        }
        workgroupBarrier();
        {
#for i 8
            let a{i} = room[xi * 32u + my_tile + {i}u * 4u];
#end
#for k 4
#for n 2
            {
                let b = room[512u + (xi * 4u + {k}u) * 8u + my_four + {n}u * 4u];
#for i 8
                sum{i}_{n} += a{i}[{k}] * b;
#end
            }
#end
#end
        }
        workgroupBarrier();
    }
    // Writing, eight outputs at a time: each thread transforms four channels of one pixel.
    let odd_row = (t / 2u & 1u) == 1u;
    let odd_column = (t & 1u) == 1u;
    let written = first + t / 8u;
    let row = written % p.tiles / p.across * 2u + u32(odd_row);
    let across = written % p.tiles % p.across * 2u + u32(odd_column);
#for n 2
#for h 2
    {
        if (my_four / 2u == {h}u) {
#for i 8
            room[(xi * 32u + my_tile + {i}u * 4u) * 2u + my_four % 2u] = sum{i}_{n};
#end
        }
        workgroupBarrier();
        let four = t / 4u % 2u;
        var v = vec4f(0.0);
#for a 4
        {
            var inner = vec4f(0.0);
#for b 4
            inner += weight_of(odd_column, {b}u) * room[(({a}u * 4u + {b}u) * 32u + t / 8u) * 2u + four];
#end
            v += weight_of(odd_row, {a}u) * inner;
        }
#end
        let c = column + 4u * (four + 2u * {h}u + 4u * {n}u);
        if (written < tiles && row < p.height && across < p.width) {
            y_put4((written / p.tiles * p.height + row) * p.width + across, c, v + bias_of(c));
        }
        workgroupBarrier();
    }
#end
#end
}
