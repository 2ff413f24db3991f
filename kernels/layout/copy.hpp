// The loops run in the order of y's strides whatever the order of the dimensions; dimensions that are dense in each
// other become one. Where x is dense along another dimension than y, both are walked in square blocks.
#pragma once

#include "kernels/contract.hpp"
#include "kernels/layout/element.hpp"

namespace linnet::kernels {

template <class Isa>
struct CopyLoops {
  int32_t dimensions;
  ptrdiff_t shape[kCopyDimensions], x_strides[kCopyDimensions], y_strides[kCopyDimensions];

  void insert(int32_t position, ptrdiff_t size, ptrdiff_t x_stride, ptrdiff_t y_stride) {
    for (int32_t d = dimensions; d > position; --d) {
      shape[d] = shape[d - 1];
      x_strides[d] = x_strides[d - 1];
      y_strides[d] = y_strides[d - 1];
    }
    shape[position] = size;
    x_strides[position] = x_stride;
    y_strides[position] = y_stride;
    ++dimensions;
  }

  void remove(int32_t position) {
    --dimensions;
    for (int32_t d = position; d < dimensions; ++d) {
      shape[d] = shape[d + 1];
      x_strides[d] = x_strides[d + 1];
      y_strides[d] = y_strides[d + 1];
    }
  }

  // Outermost first, by falling distance in y.
  void insert_sorted(ptrdiff_t size, ptrdiff_t x_stride, ptrdiff_t y_stride) {
    const ptrdiff_t distance = y_stride < 0 ? -y_stride : y_stride;
    int32_t position = dimensions;
    while (position > 0) {
      const ptrdiff_t other = y_strides[position - 1];
      if ((other < 0 ? -other : other) >= distance) break;
      --position;
    }
    insert(position, size, x_stride, y_stride);
  }

  void merge_dense() {
    for (int32_t d = dimensions - 1; d > 0; --d) {
      if (x_strides[d - 1] != x_strides[d] * shape[d] || y_strides[d - 1] != y_strides[d] * shape[d]) continue;
      shape[d - 1] *= shape[d];
      x_strides[d - 1] = x_strides[d];
      y_strides[d - 1] = y_strides[d];
      remove(d);
    }
  }

  // Makes the dimension along which x is dense the last but one.
  void expose_transpose() {
    if (dimensions < 2 || x_strides[dimensions - 1] == 1) return;
    for (int32_t d = dimensions - 2; d >= 0; --d) {
      if (x_strides[d] != 1) continue;
      const ptrdiff_t size = shape[d], y_stride = y_strides[d];
      remove(d);
      insert(dimensions - 1, size, 1, y_stride);
      return;
    }
  }
};

// y[kCount i + j] = x[i + j x_stride] for j < kCount, which is 2 (the channel shuffle of two groups) or 3 (an image).
template <class Isa, int kCount>
void copy_interleaved(const Element<Isa, 4>* x, ptrdiff_t x_stride, ptrdiff_t size, Element<Isa, 4>* y) {
  constexpr int kWidth = F32<Isa>::width;
  const auto load = [=](ptrdiff_t i, int j) LINNET_INLINE_LAMBDA {
    return F32<Isa>::load(reinterpret_cast<const float*>(x + i + j * x_stride));
  };
  ptrdiff_t i = 0;
  for (; kWidth > 1 && i + kWidth <= size; i += kWidth) {
    float* out = reinterpret_cast<float*>(y + kCount * i);
    if constexpr (kCount == 2) {
      store_interleaved(load(i, 0), load(i, 1), out);
    } else {
      store_interleaved(load(i, 0), load(i, 1), load(i, 2), out);
    }
  }
  for (; i < size; ++i) {
    for (int j = 0; j < kCount; ++j) y[kCount * i + j] = x[i + j * x_stride];
  }
}

// y[2 i + j] = x[i + j x_stride] for j < 2, of bytes.
template <class Isa>
void copy_interleaved_bytes(const Element<Isa, 1>* x, ptrdiff_t x_stride, ptrdiff_t size, Element<Isa, 1>* y) {
  ptrdiff_t i = 0;
#ifdef LINNET_ISA_IS_SIMD
  for (; i + 16 <= size; i += 16) {
#ifdef __AVX2__
    const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i));
    const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i + x_stride));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + 2 * i), _mm_unpacklo_epi8(a, b));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + 2 * i + 16), _mm_unpackhi_epi8(a, b));
#else
    const uint8_t *a = reinterpret_cast<const uint8_t*>(x + i), *b = a + x_stride;
    vst2q_u8(reinterpret_cast<uint8_t*>(y + 2 * i), uint8x16x2_t{{vld1q_u8(a), vld1q_u8(b)}});
#endif
  }
#endif
  for (; i < size; ++i) {
    y[2 * i] = x[i];
    y[2 * i + 1] = x[i + x_stride];
  }
}

// y[i y_stride + j] = x[i + j x_stride] for i < rows and j < columns, at most a vector's width of each.
template <class Isa, bool kFull>
LINNET_INLINE void copy_transposed_block(const float* x, ptrdiff_t x_stride, float* y, ptrdiff_t y_stride, int rows,
                                         int columns) {
  using V = F32<Isa>;
  V block[V::width];
#pragma GCC unroll 16
  for (int j = 0; j < V::width; ++j, x += x_stride)
    block[j] = kFull ? V::load(x) : j < columns ? V::load_n(x, rows) : V::set(0.0f);
  transpose(block);
#pragma GCC unroll 16
  for (int i = 0; i < V::width; ++i, y += y_stride) {
    if (kFull) {
      block[i].store(y);
    } else if (i < rows) {
      block[i].store_n(y, columns);
    }
  }
}

template <class Isa>
void copy_transposed(const ptrdiff_t* shape, const float* x, ptrdiff_t x_stride, float* y, ptrdiff_t y_stride) {
  constexpr int kWidth = F32<Isa>::width;
  const auto width = [](ptrdiff_t left) { return static_cast<int>(left < kWidth ? left : kWidth); };
  for (ptrdiff_t i = 0; i < shape[0]; i += kWidth) {
    for (ptrdiff_t j = 0; j < shape[1]; j += kWidth) {
      const int rows = width(shape[0] - i), columns = width(shape[1] - j);
      if (rows == kWidth && columns == kWidth) {
        copy_transposed_block<Isa, true>(x + i + j * x_stride, x_stride, y + i * y_stride + j, y_stride, rows, columns);
      } else {
        copy_transposed_block<Isa, false>(x + i + j * x_stride, x_stride, y + i * y_stride + j, y_stride, rows,
                                          columns);
      }
    }
  }
}

// Two loops; strides in elements, [0] the outer one.
template <class Isa, int kBytes>
void copy_plane(const ptrdiff_t* shape, const Element<Isa, kBytes>* x, const ptrdiff_t* x_strides,
                Element<Isa, kBytes>* y, const ptrdiff_t* y_strides) {
  if (x_strides[1] == 1 && y_strides[1] == 1) {
    for (ptrdiff_t i = 0; i < shape[0]; ++i)
      copy_run<Isa, kBytes>(x + i * x_strides[0], y + i * y_strides[0], shape[1]);
    return;
  }
  const bool is_transpose = x_strides[0] == 1 && y_strides[1] == 1;
  if constexpr (kBytes == 4) {
    if (is_transpose && shape[1] == 2 && y_strides[0] == 2) {
      copy_interleaved<Isa, 2>(x, x_strides[1], shape[0], y);
      return;
    }
    if (is_transpose && shape[1] == 3 && y_strides[0] == 3) {
      copy_interleaved<Isa, 3>(x, x_strides[1], shape[0], y);
      return;
    }
    if constexpr (F32<Isa>::width > 1) {
      if (is_transpose) {
        copy_transposed<Isa>(shape, reinterpret_cast<const float*>(x), x_strides[1], reinterpret_cast<float*>(y),
                             y_strides[0]);
        return;
      }
    }
  }
  if constexpr (kBytes == 1) {
    if (is_transpose && shape[1] == 2 && y_strides[0] == 2) {
      copy_interleaved_bytes<Isa>(x, x_strides[1], shape[0], y);
      return;
    }
  }
  const ptrdiff_t block_i = is_transpose ? 16 : shape[0], block_j = is_transpose ? 16 : shape[1];
  for (ptrdiff_t first_i = 0; first_i < shape[0]; first_i += block_i) {
    const ptrdiff_t end_i = shape[0] - first_i < block_i ? shape[0] : first_i + block_i;
    for (ptrdiff_t first_j = 0; first_j < shape[1]; first_j += block_j) {
      const ptrdiff_t end_j = shape[1] - first_j < block_j ? shape[1] : first_j + block_j;
      for (ptrdiff_t i = first_i; i < end_i; ++i) {
        for (ptrdiff_t j = first_j; j < end_j; ++j) {
          y[i * y_strides[0] + j * y_strides[1]] = x[i * x_strides[0] + j * x_strides[1]];
        }
      }
    }
  }
}

template <class Isa, int kBytes>
void copy_elements(const CopyLoops<Isa>& loops, const Element<Isa, kBytes>* x, Element<Isa, kBytes>* y) {
  const int32_t outer = loops.dimensions - 2;
  ptrdiff_t index[kCopyDimensions] = {};
  for (;;) {
    copy_plane<Isa, kBytes>(loops.shape + outer, x, loops.x_strides + outer, y, loops.y_strides + outer);
    int32_t d = outer - 1;
    for (; d >= 0; --d) {
      x += loops.x_strides[d];
      y += loops.y_strides[d];
      if (++index[d] < loops.shape[d]) break;
      x -= loops.shape[d] * loops.x_strides[d];
      y -= loops.shape[d] * loops.y_strides[d];
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

template <class Isa>
void copy_impl(const CopyArgs& args) {
  CopyLoops<Isa> loops;
  loops.dimensions = 0;
  for (int32_t d = 0; d < args.dimensions; ++d) {
    if (args.shape[d] == 0) return;
    if (args.shape[d] > 1) loops.insert_sorted(args.shape[d], args.x_strides[d], args.y_strides[d]);
  }
  loops.merge_dense();
  loops.expose_transpose();
  while (loops.dimensions < 2) loops.insert(0, 1, 0, 0);
  if (args.element_bytes == 4) {
    copy_elements<Isa, 4>(loops, static_cast<const Element<Isa, 4>*>(args.x), static_cast<Element<Isa, 4>*>(args.y));
  } else if (args.element_bytes == 2) {
    copy_elements<Isa, 2>(loops, static_cast<const Element<Isa, 2>*>(args.x), static_cast<Element<Isa, 2>*>(args.y));
  } else {
    copy_elements<Isa, 1>(loops, static_cast<const Element<Isa, 1>*>(args.x), static_cast<Element<Isa, 1>*>(args.y));
  }
}

}  // namespace linnet::kernels
