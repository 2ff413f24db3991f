#include "tests/tools/image_files.hpp"

#include <cstdio>
#include <cstdlib>
// Both need FILE and size_t.
#include <jpeglib.h>
#include <png.h>

#include <stdexcept>

namespace linnet::test {
namespace {

using tools::Image;

// Smooth, so that a JPEG keeps it, and other in every channel.
Image picture(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.pixels.push_back(static_cast<unsigned char>(40 + 30 * c + 100 * x / width + 50 * y / height));
      }
    }
  }
  return image;
}

// The most significant `depth` bits of every value, repeated.
Image quantized(Image image, int depth) {
  const unsigned levels = (1u << depth) - 1;
  for (unsigned char& value : image.pixels) value = static_cast<unsigned char>((value >> (8 - depth)) * 255 / levels);
  return image;
}

// Rows as a PNG stores them.
std::string packed_row(const unsigned char* values, size_t count, int depth) {
  std::string row((count * static_cast<size_t>(depth) + 7) / 8, '\0');
  for (size_t i = 0; i < count; ++i) {
    if (depth == 16) {
      row[2 * i] = row[2 * i + 1] = static_cast<char>(values[i]);
      continue;
    }
    const size_t bit = i * static_cast<size_t>(depth);
    row[bit / 8] =
        static_cast<char>(row[bit / 8] | (values[i] >> (8 - depth)) << (8 - depth - static_cast<int>(bit % 8)));
  }
  return row;
}

void append(png_structp png, png_bytep bytes, size_t count) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<char*>(bytes), count);
}

struct PngKind {
  int colour_type, depth, channels, interlace;
};

std::string png_file(const Image& image, const PngKind& kind, const std::vector<png_color>& palette = {}) {
  std::string file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &file, append, nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), kind.depth,
               kind.colour_type, kind.interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!palette.empty()) png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
  png_write_info(png, info);
  const int passes = png_set_interlace_handling(png);
  const size_t row = static_cast<size_t>(image.width) * static_cast<size_t>(image.channels);
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < image.height; ++y) {
      const std::string bytes = packed_row(&image.pixels[static_cast<size_t>(y) * row], row, kind.depth);
      png_write_row(png, reinterpret_cast<png_const_bytep>(bytes.data()));
    }
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

void add_pngs(int width, int height, std::vector<ImageFile>* files) {
  const PngKind kinds[] = {{PNG_COLOR_TYPE_GRAY, 1, 1, 0},  {PNG_COLOR_TYPE_GRAY, 2, 1, 0},
                           {PNG_COLOR_TYPE_GRAY, 4, 1, 1},  {PNG_COLOR_TYPE_GRAY, 8, 1, 0},
                           {PNG_COLOR_TYPE_GRAY, 16, 1, 1}, {PNG_COLOR_TYPE_RGB, 8, 3, 0},
                           {PNG_COLOR_TYPE_RGB, 8, 3, 1},   {PNG_COLOR_TYPE_RGB, 16, 3, 0},
                           {PNG_COLOR_TYPE_RGBA, 8, 4, 0},  {PNG_COLOR_TYPE_RGBA, 16, 4, 1}};
  for (const PngKind& kind : kinds) {
    const Image image = kind.depth < 8 ? quantized(picture(width, height, kind.channels), kind.depth)
                                       : picture(width, height, kind.channels);
    files->push_back({"type" + std::to_string(kind.colour_type) + "_" + std::to_string(kind.depth) +
                          (kind.interlace ? "_interlaced" : "") + ".png",
                      png_file(image, kind), image});
  }
  std::vector<png_color> palette(256);
  for (size_t i = 0; i < 256; ++i) {
    palette[i] = {static_cast<png_byte>(i), static_cast<png_byte>(255 - i), static_cast<png_byte>(i / 2)};
  }
  const Image indices = picture(width, height, 1);
  Image image{width, height, 3, {}};
  for (const unsigned char index : indices.pixels) {
    for (const png_byte value : {palette[index].red, palette[index].green, palette[index].blue})
      image.pixels.push_back(value);
  }
  files->push_back({"palette.png", png_file(indices, {PNG_COLOR_TYPE_PALETTE, 8, 1, 0}, palette), image});
}

// `space` is also the space in which it is stored, but for RGB, which becomes YCbCr.
std::string jpeg_file(const Image& image, J_COLOR_SPACE space, bool progressive) {
  jpeg_compress_struct jpeg = {};
  jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_width = static_cast<JDIMENSION>(image.width);
  jpeg.image_height = static_cast<JDIMENSION>(image.height);
  jpeg.input_components = image.channels;
  jpeg.in_color_space = space;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  if (progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  std::vector<unsigned char> pixels = image.pixels;
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row =
        &pixels[static_cast<size_t>(jpeg.next_scanline) * jpeg.image_width * static_cast<size_t>(image.channels)];
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::string file(reinterpret_cast<char*>(buffer), size);
  std::free(buffer);
  return file;
}

// Without black, inks are inverted colours; programs that write an Adobe marker, as libjpeg does, invert them once
// more.
Image inks_of(const Image& rgb) {
  Image inks{rgb.width, rgb.height, 4, {}};
  for (size_t i = 0; i < rgb.pixels.size(); i += 3) {
    inks.pixels.insert(inks.pixels.end(), rgb.pixels.begin() + static_cast<std::ptrdiff_t>(i),
                       rgb.pixels.begin() + static_cast<std::ptrdiff_t>(i + 3));
    inks.pixels.push_back(255);
  }
  return inks;
}

void put(std::string* file, size_t position, unsigned value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) (*file)[position + i] = static_cast<char>(value >> (8 * (bytes - 1 - i)) & 255);
}

unsigned crc(const std::string& bytes) {
  unsigned result = ~0u;
  for (const char c : bytes) {
    result ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) result = result >> 1 ^ (result & 1 ? 0xedb88320u : 0u);
  }
  return ~result;
}

}  // namespace

std::vector<ImageFile> image_files(int width, int height) {
  std::vector<ImageFile> files;
  add_pngs(width, height, &files);
  const Image grey = picture(width, height, 1), rgb = picture(width, height, 3);
  for (const bool progressive : {false, true}) {
    const std::string suffix = progressive ? "_progressive.jpg" : ".jpg";
    files.push_back({"grey" + suffix, jpeg_file(grey, JCS_GRAYSCALE, progressive), grey});
    files.push_back({"colour" + suffix, jpeg_file(rgb, JCS_RGB, progressive), rgb});
    files.push_back({"inks" + suffix, jpeg_file(inks_of(rgb), JCS_CMYK, progressive), rgb});
  }
  return files;
}

std::string png_of_size(std::string png, unsigned width, unsigned height) {
  constexpr size_t kType = 12, kData = 16, kChecksum = 29;
  put(&png, kData, width, 4);
  put(&png, kData + 4, height, 4);
  put(&png, kChecksum, crc(png.substr(kType, kChecksum - kType)), 4);
  return png;
}

std::string jpeg_of_size(std::string jpeg, unsigned width, unsigned height) {
  // The frame header: marker 0xffc0 or 0xffc2, length, precision, height, width.
  for (const char* marker : {"\xff\xc0", "\xff\xc2"}) {
    const size_t frame = jpeg.find(marker);
    if (frame == std::string::npos) continue;
    put(&jpeg, frame + 5, height, 2);
    put(&jpeg, frame + 7, width, 2);
    return jpeg;
  }
  throw std::runtime_error("no frame header");
}

}  // namespace linnet::test
