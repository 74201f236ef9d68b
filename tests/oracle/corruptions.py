# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes tests/core/golden/corruptions.h: the 15 corruptions of ImageNet-C and the sparse warp, by numpy and scipy.

Each is the published definition (Hendrycks and Dietterich 2019; TensorFlow Addons' sparse_image_warp), written anew, on
this library's random numbers. Needs numpy, scipy and pillow.

    python3 tests/oracle/corruptions.py > tests/core/golden/corruptions.h
"""
from io import BytesIO

import numpy as np
from PIL import Image
from scipy import ndimage

MASK = np.uint64(0xFFFFFFFF)


class Rng:
    """core/rng.c, many numbers at once."""

    def __init__(self, seed, sample, view, operation):
        self.key, self.tail, self.block, self.rest = seed, (sample, view << 16 | operation), 0, np.zeros(0, np.uint64)

    def next(self, n):
        if n <= len(self.rest):
            numbers, self.rest = self.rest[:n], self.rest[n:]
            return numbers.astype(np.float64)
        blocks = max(-(-(n - len(self.rest)) // 4), 1024)  # in advance: one by one they take long
        c0 = np.arange(self.block, self.block + blocks, dtype=np.uint64)
        c1, c2, c3 = (np.full(blocks, v, np.uint64) for v in (self.tail[0], 0, self.tail[1]))
        k0, k1 = np.uint64(self.key), np.uint64(0)
        for _ in range(10):
            p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
            c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ k0, p1 & MASK, (p0 >> np.uint64(32)) ^ c3 ^ k1, p0 & MASK
            k0, k1 = (k0 + np.uint64(0x9E3779B9)) & MASK, (k1 + np.uint64(0xBB67AE85)) & MASK
        self.block += blocks
        numbers = np.concatenate([self.rest, np.stack([c0, c1, c2, c3], 1).ravel()])
        self.rest = numbers[n:]
        return numbers[:n].astype(np.float64)

    def uniform(self, low, high, n=1):
        return low + (high - low) * (self.next(n) * 2.0**-32)

    def normal(self, n):
        pairs = self.next(2 * n).reshape(n, 2)
        return np.sqrt(-2 * np.log((pairs[:, 0] + 1) * 2.0**-32)) * np.cos(2 * np.pi * pairs[:, 1] * 2.0**-32)

    def below(self, n):  # n is a power of two here or the rejection so rare that it does not show
        return int(self.next(1)[0]) * n >> 32


assert Rng(0, 0, 0, 0).next(1)[0] == 0x6627E8D5


def planes(rng_values, x):
    """Numbers in the order of planes, as height x width x channels."""
    h, w, c = x.shape
    return rng_values.reshape(c, h, w).transpose(1, 2, 0)


def gaussian_noise(x, k, rng, small):
    c = ([.04, .06, .08, .09, .10] if small else [.08, .12, .18, .26, .38])[k]
    return x + c * planes(rng.normal(x.size), x)


def shot_noise(x, k, rng, small):
    from scipy.stats import poisson
    c = ([500, 250, 100, 75, 50] if small else [60, 25, 12, 5, 3])[k]
    u = planes(rng.uniform(0, 1, x.size), x)
    counts = np.zeros(x.shape)  # the inverse of the distribution function
    n = np.arange(1200)
    for index in np.ndindex(*x.shape):
        counts[index] = np.searchsorted(cdf(poisson, x[index] * c, n), u[index], side="right")
    return counts / c


cdfs = {}


def cdf(poisson, mean, n):
    if mean not in cdfs:
        cdfs[mean] = poisson.cdf(n, mean)
    return cdfs[mean]


def impulse_noise(x, k, rng, small):
    c = ([.01, .02, .03, .05, .07] if small else [.03, .06, .09, .17, .27])[k]
    u = planes(rng.uniform(0, 1, x.size), x)
    return np.where(u < c / 2, 1, np.where(u < c, 0, x))


def per_channel(f, x):
    return np.stack([f(x[..., c]) for c in range(x.shape[2])], 2)


def defocus_blur(x, k, rng, small):
    radius, alias = ([(.3, .4), (.4, .5), (.5, .6), (1, .2), (1.5, .1)] if small else
                     [(3, .1), (4, .5), (6, .5), (8, .5), (10, .5)])[k]
    reach, soft = (8, 1) if radius <= 8 else (radius, 2)
    grid = np.arange(-reach, reach + 1)
    disk = (grid[None] ** 2 + grid[:, None] ** 2 <= radius**2).astype(float)
    taps = np.exp(-.5 * np.arange(-soft, soft + 1) ** 2 / alias**2)
    taps /= taps.sum()
    disk = ndimage.correlate(disk / disk.sum(), taps[None] * taps[:, None], mode="mirror")
    return per_channel(lambda p: ndimage.correlate(p, disk, mode="mirror"), x)


def gauss(p, sigma, mode="nearest", truncate=4.0):
    return ndimage.gaussian_filter(p, sigma, mode=mode, truncate=truncate) if sigma > 0 else p


def to_bytes(x):
    return np.uint8(np.clip(x, 0, 1) * 255 + 1e-3)


def glass_blur(x, k, rng, small):
    sigma, delta, rounds = ([(.05, 1, 1), (.25, 1, 1), (.4, 1, 1), (.25, 1, 2), (.4, 1, 2)] if small else
                            [(.7, 1, 2), (.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)])[k]
    x = to_bytes(per_channel(lambda p: gauss(p, sigma), x))
    for _ in range(rounds):
        for h in range(x.shape[0] - delta, delta, -1):
            for w in range(x.shape[1] - delta, delta, -1):
                dx, dy = rng.below(2 * delta) - delta, rng.below(2 * delta) - delta
                x[h, w] = x[h + dy, w + dx]  # numpy's views make the published swap this
    return per_channel(lambda p: gauss(p / 255., sigma), x)


def motion(p, radius, sigma, angle):
    n = 2 * radius + 1
    kernel = np.exp(-.5 * np.arange(n) ** 2 / sigma**2)
    kernel /= kernel.sum()
    out = np.zeros_like(p)
    ys, xs = np.mgrid[:p.shape[0], :p.shape[1]]
    for i in range(n):
        dy = -int(np.ceil(i * np.sin(np.deg2rad(angle)) - .5))
        dx = -int(np.ceil(i * np.cos(np.deg2rad(angle)) - .5))
        if abs(dy) >= p.shape[0] or abs(dx) >= p.shape[1]:
            break
        out += kernel[i] * p[np.clip(ys - dy, 0, p.shape[0] - 1), np.clip(xs - dx, 0, p.shape[1] - 1)]
    return out


def motion_blur(x, k, rng, small):
    radius, sigma = ([(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)] if small else
                     [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)])[k]
    angle = rng.uniform(-45, 45)[0]
    return per_channel(lambda p: motion(p, radius, sigma, angle), x)


def clipped_zoom(p, factor):
    parts = [int(np.ceil(n / factor)) for n in p.shape]
    first = [(n - part) // 2 for n, part in zip(p.shape, parts)]
    p_in = p[first[0]:first[0] + parts[0], first[1]:first[1] + parts[1]]
    big = ndimage.zoom(p_in, factor, order=1)
    trim = [(b - n) // 2 for b, n in zip(big.shape, p.shape)]
    return big[trim[0]:trim[0] + p.shape[0], trim[1]:trim[1] + p.shape[1]]


def zoom_blur(x, k, rng, small):
    end, step = ([(1.06, .01), (1.11, .01), (1.16, .01), (1.21, .01), (1.26, .01)] if small else
                 [(1.11, .01), (1.16, .01), (1.21, .02), (1.26, .02), (1.31, .03)])[k]
    factors = np.arange(1, end, step)
    return per_channel(lambda p: (p + sum(clipped_zoom(p, f) for f in factors)) / (len(factors) + 1), x)


def snow(x, k, rng, small):
    c = ([(.1, .2, 1, .6, 8, 3, .95), (.1, .2, 1, .5, 10, 4, .9), (.15, .3, 1.75, .55, 10, 4, .9),
          (.25, .3, 2.25, .6, 12, 6, .85), (.3, .3, 1.25, .65, 14, 12, .8)] if small else
         [(.1, .3, 3, .5, 10, 4, .8), (.2, .3, 2, .5, 12, 4, .7), (.55, .3, 4, .9, 12, 8, .7),
          (.55, .3, 4.5, .85, 12, 8, .65), (.55, .3, 2.5, .85, 12, 12, .55)])[k]
    layer = clipped_zoom(c[0] + c[1] * rng.normal(x.shape[0] * x.shape[1]).reshape(x.shape[:2]), c[2])
    layer = np.clip(np.where(layer < c[3], 0, layer), 0, 1)
    layer = np.round(motion(layer, c[4], c[5], rng.uniform(-135, -45)[0]) * 255) / 255
    grey = (x @ [.299, .587, .114])[..., None]
    x = c[6] * x + (1 - c[6]) * np.maximum(x, grey * 1.5 + .5)
    return x + layer[..., None] + np.rot90(layer, 2)[..., None]


def plasma(shape, decay, rng):
    size = 1
    while size < max(shape):
        size *= 2
    whole, step, wibble = size, size, 100.0
    m = np.zeros((size, size))

    def mean(total):
        return total / 4 + wibble * rng.uniform(-wibble, wibble, total.size).reshape(total.shape)

    while step >= 2:
        corners = m[0:whole:step, 0:whole:step]
        total = corners + np.roll(corners, -1, 0)
        m[step // 2::step, step // 2::step] = mean(total + np.roll(total, -1, 1))
        dr, ul = m[step // 2::step, step // 2::step], m[0:whole:step, 0:whole:step]
        m[0::step, step // 2::step] = mean(dr + np.roll(dr, 1, 0) + ul + np.roll(ul, -1, 1))
        m[step // 2::step, 0::step] = mean(dr + np.roll(dr, 1, 1) + ul + np.roll(ul, -1, 0))
        step //= 2
        wibble /= decay
    m -= m.min()
    return (m / m.max())[:shape[0], :shape[1], None]


def fog(x, k, rng, small):
    c = ([(.2, 3), (.5, 3), (.75, 2.5), (1, 2), (1.5, 1.75)] if small else
         [(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)])[k]
    top = x.max()
    return (x + c[0] * plasma(x.shape[:2], c[1], rng)) * top / (top + c[0])


def frost_texture(shape, rng):  # what this library draws in place of photographs
    ridge = 1 - np.abs(2 * plasma(shape, 1.6, rng) - 1)
    return ridge**2 * np.array([205, 230, 255]) / 255


def frost(x, k, rng, small):
    c = ([(1, .2), (1, .3), (.9, .4), (.85, .4), (.75, .45)] if small else
         [(1, .4), (.8, .6), (.7, .7), (.65, .7), (.6, .75)])[k]
    return c[0] * x + c[1] * frost_texture(x.shape[:2], rng)


def brightness(x, k, rng, small):
    import colorsys
    c = ([.05, .1, .15, .2, .3] if small else [.1, .2, .3, .4, .5])[k]

    def pixel(rgb):
        h, s, v = colorsys.rgb_to_hsv(*rgb)
        return colorsys.hsv_to_rgb(h, s, min(v + c, 1.0))

    return np.apply_along_axis(pixel, 2, x)


def contrast(x, k, rng, small):
    c = ([.75, .5, .4, .3, .15] if small else [.4, .3, .2, .1, .05])[k]
    mean = x.mean((0, 1), keepdims=True)
    return (x - mean) * c + mean


def elastic(x, k, rng, small):
    side = min(x.shape[:2])
    alpha, sigma, reach = side * np.array(
        ([(0, 0, .08), (.05, .2, .07), (.08, .06, .06), (.1, .04, .05), (.1, .03, .03)] if small else
         [(2, .7, .1), (2, .08, .2), (.05, .01, .02), (.07, .01, .02), (.12, .01, .02)])[k])
    cx, cy, q = x.shape[1] // 2, x.shape[0] // 2, side // 3
    before = np.array([[cx + q, cy + q], [cx + q, cy - q], [cx - q, cy - q]], float)
    after = before + rng.uniform(-reach, reach, 6).reshape(3, 2)
    matrix = np.linalg.solve(np.c_[after, np.ones(3)], before)  # from the result's points to the picture's
    dx, dy = (gauss(rng.uniform(-1, 1, side_n).reshape(x.shape[:2]), sigma, "reflect", 3.0) * alpha
              for side_n in [x.shape[0] * x.shape[1]] * 2)
    ys, xs = np.mgrid[:x.shape[0], :x.shape[1]].astype(float)
    at = np.stack([xs + dx, ys + dy, np.ones_like(xs)], -1) @ matrix
    # To the nearest value, as every sampling here.
    return per_channel(lambda p: ndimage.map_coordinates(p, [at[..., 1], at[..., 0]], order=1, mode="mirror"), x) + .5 / 255


def pixelate(x, k, rng, small):
    c = ([.95, .9, .85, .75, .65] if small else [.6, .5, .4, .3, .25])[k]
    image = Image.fromarray(to_bytes(x))
    image = image.resize((int(x.shape[1] * c), int(x.shape[0] * c)), Image.BOX)
    return np.asarray(image.resize((x.shape[1], x.shape[0]), Image.NEAREST)) / 255.


def jpeg(x, k, rng, small):
    data = BytesIO()
    Image.fromarray(to_bytes(x)).save(data, "JPEG", quality=([80, 65, 58, 50, 40] if small else [25, 18, 15, 10, 7])[k])
    return np.asarray(Image.open(data)) / 255.


CORRUPTIONS = [gaussian_noise, shot_noise, impulse_noise, defocus_blur, glass_blur, motion_blur, zoom_blur, snow, frost,
               fog, brightness, contrast, elastic, pixelate, jpeg]


def picture(width, height):
    """test_corruptions.c's make_picture: smooth, with an edge."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    value = 128 + (x * (7 - 2 * c) + y * (3 + 2 * c)) % 97 - 60 * (x > y)
    return value.astype(np.uint8)


def warp(image, source, dest, boundary):
    """sparse_image_warp: points as (y, x); order 2; the spline is fitted at dest and subtracted."""
    h, w, _ = image.shape
    source, dest = np.array(source, float), np.array(dest, float)
    if boundary:
        ys, xs = np.meshgrid(np.linspace(0, h - 1, boundary + 1), np.linspace(0, w - 1, boundary + 1), indexing="ij")
        edge = (xs == 0) | (xs == w - 1) | (ys == 0) | (ys == h - 1)
        points = np.stack([ys[edge], xs[edge]], 1)
        source, dest = np.r_[source, points], np.r_[dest, points]

    def phi(a, b):
        r = np.maximum(((a[:, None] - b[None]) ** 2).sum(-1), 1e-10)
        return .5 * r * np.log(r)

    n = len(dest)
    b = np.c_[dest, np.ones(n)]
    solution = np.linalg.solve(np.block([[phi(dest, dest), b], [b.T, np.zeros((3, 3))]]),
                               np.r_[dest - source, np.zeros((3, 2))])
    grid = np.stack(np.mgrid[:h, :w], -1).reshape(-1, 2).astype(float)
    flow = phi(grid, dest) @ solution[:n] + np.c_[grid, np.ones(len(grid))] @ solution[n:]
    at = grid - flow
    top = np.clip(np.floor(at), 0, np.array([h - 2, w - 2])).astype(int)
    a = np.clip(at - top, 0, 1)
    p = image.astype(float)
    rows = [p[top[:, 0] + i, top[:, 1]] * (1 - a[:, 1:]) + p[top[:, 0] + i, top[:, 1] + 1] * a[:, 1:] for i in (0, 1)]
    return np.uint8(rows[0] * (1 - a[:, :1]) + rows[1] * a[:, :1] + .5).reshape(image.shape)


WARPS = [  # width, height, boundary, points (y, x) before and after
    (40, 30, 0, [(10, 13), (10, 26), (20, 13), (20, 26)], [(12.5, 11), (8, 27.25), (21, 14), (23, 24)]),
    (40, 30, 1, [(10, 13), (10, 26), (20, 13), (20, 26)], [(12.5, 11), (8, 27.25), (21, 14), (23, 24)]),
    (33, 47, 3, [(20, 15)], [(26, 12)]),
]
SIZES = [(24, 20, 5), (100, 96, 97)]  # width, height, every how many bytes


def emit(name, ctype, values):
    print(f"static const {ctype} {name}[] = {{")
    for i in range(0, len(values), 24):
        print("  " + ", ".join(map(str, values[i:i + 24])) + ",")
    print("};\n")


print("/* SPDX-License-Identifier: LGPL-2.1-or-later */\n/* Made by tests/oracle/corruptions.py. */\n")
cases, data = [], []
for width, height, every in SIZES:
    for number, corruption in enumerate(CORRUPTIONS):
        for k in range(5):
            rng = Rng(3, k + 1, 0, number)
            out = to_bytes(corruption(picture(width, height) / 255., k, rng, min(width, height) < 96))
            assert out.shape == (height, width, 3), corruption
            cases.append(f"{{ {width}, {height}, {number}, {k + 1}, {every}, {len(data)} }}")
            data += out.ravel()[::every].tolist()
print("static const struct {\n  guint width, height, corruption, severity, every;\n  gsize offset;\n} golden_corruptions[] = {")
print("".join(f"  {c},\n" for c in cases) + "};\n")
emit("golden_corrupted", "guint8", data)
cases, data = [], []
for width, height, boundary, source, dest in WARPS:
    points = [", ".join(f"{{ {x}, {y} }}" for y, x in p) for p in (source, dest)]
    cases.append(f"{{ {width}, {height}, {boundary}, {len(source)}, {{ {points[0]} }}, {{ {points[1]} }}, {len(data)} }}")
    data += warp(picture(width, height), source, dest, boundary).ravel().tolist()
print("static const struct {\n  guint width, height, boundary, n;\n  double from[4][2], to[4][2];\n  gsize offset;\n} golden_warps[] = {")
print("".join(f"  {c},\n" for c in cases) + "};\n")
emit("golden_warped", "guint8", data)
