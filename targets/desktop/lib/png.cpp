#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>

#include "targets/desktop/lib/file.hpp"
#include "targets/desktop/lib/image_formats.hpp"

namespace linnet::tools {
namespace {

class PngDecoder {
 public:
  PngDecoder(const unsigned char* data, size_t size) : data_(data), left_(size) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  void read_header() {
    if (!header_read()) throw ImageError(message_);
  }
  int64_t width() const { return png_get_image_width(png_, info_); }
  int64_t height() const { return png_get_image_height(png_, info_); }
  bool colour() const { return (png_get_color_type(png_, info_) & PNG_COLOR_MASK_COLOR) != 0; }
  void read_pixels(Image* image) {
    if (!pixels_read(image->pixels.data(), image->channels)) throw ImageError(message_);
  }

 private:
  bool header_read() {
    if (setjmp(place_) != 0) return false;
    png_set_read_fn(png_, this, on_read);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    // Of the chunks that a decoder may skip only the transparent colour counts.
    static constexpr png_byte kTransparency[] = "tRNS";
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_AS_DEFAULT, kTransparency, 1);
    png_read_info(png_, info_);
    return true;
  }
  bool pixels_read(unsigned char* pixels, int channels) {
    if (setjmp(place_) != 0) return false;
    png_set_expand(png_);
    png_set_scale_16(png_);
    if (channels < 4) png_set_strip_alpha(png_);
    if (channels > 1) png_set_gray_to_rgb(png_);
    if (channels == 4) png_set_add_alpha(png_, 255, PNG_FILLER_AFTER);
    const int passes = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    const size_t row = png_get_rowbytes(png_, info_), rows = png_get_image_height(png_, info_);
    if (row != static_cast<size_t>(channels) * png_get_image_width(png_, info_))
      png_error(png_, "unknown pixel format");
    for (int pass = 0; pass < passes; ++pass) {
      for (size_t y = 0; y < rows; ++y) png_read_row(png_, pixels + y * row, nullptr);
    }
    return true;
  }

  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto* decoder = static_cast<PngDecoder*>(png_get_error_ptr(png));
    std::snprintf(decoder->message_, sizeof(decoder->message_), "%s", message);
    std::longjmp(decoder->place_, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}
  static void on_read(png_structp png, png_bytep bytes, size_t count) {
    auto* decoder = static_cast<PngDecoder*>(png_get_io_ptr(png));
    if (count > decoder->left_) png_error(png, "the file ends too early");
    std::memcpy(bytes, decoder->data_, count);
    decoder->data_ += count;
    decoder->left_ -= count;
  }

  const unsigned char* data_;
  size_t left_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf place_;
  char message_[128] = "";
};

}  // namespace

Image decode_png(const unsigned char* data, size_t size, int channels, int64_t maximum_pixels) {
  PngDecoder decoder(data, size);
  decoder.read_header();
  const bool to_grey = channels == 1 && decoder.colour();
  Image image = make_image(decoder.width(), decoder.height(), to_grey ? 3 : channels, maximum_pixels);
  decoder.read_pixels(&image);
  if (to_grey) {
    const size_t pixels = image.pixels.size() / 3;
    for (size_t i = 0; i < pixels; ++i) {
      const unsigned char* rgb = &image.pixels[3 * i];
      image.pixels[i] = luma(rgb[0], rgb[1], rgb[2]);
    }
    image.pixels.resize(pixels);
    image.channels = 1;
  }
  return image;
}

void write_png(const std::string& path, const Image& image) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = image.channels == 1 ? PNG_FORMAT_GRAY : image.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA;
  std::vector<unsigned char> bytes(PNG_IMAGE_PNG_SIZE_MAX(png));
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&png, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr) == 0) {
    throw ImageError(path + ": " + png.message);
  }
  write_file(path, bytes.data(), size);
}

}  // namespace linnet::tools
