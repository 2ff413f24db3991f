#include <csetjmp>
#include <cstdio>
// Both need FILE and size_t.
#include <jerror.h>
#include <jpeglib.h>

#include "targets/desktop/lib/image_formats.hpp"

namespace linnet::tools {
namespace {

class JpegDecoder {
 public:
  JpegDecoder(const unsigned char* data, size_t size) : data_(data), size_(size) {
    jpeg_.err = jpeg_std_error(&errors_);
    jpeg_.client_data = this;
    errors_.error_exit = on_error;
    errors_.emit_message = on_message;
    progress_.progress_monitor = on_progress;
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&jpeg_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  void read_header() {
    if (!header_read()) throw ImageError(message_);
  }
  int64_t width() const { return jpeg_.image_width; }
  int64_t height() const { return jpeg_.image_height; }
  bool four_inks() const { return jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK; }
  bool inverted() const { return jpeg_.saw_Adobe_marker != 0; }  // Adobe's programs write 255 for no ink
  void read_pixels(Image* image) {
    if (!pixels_read(image->pixels.data(), image->channels)) throw ImageError(message_);
  }

 private:
  bool header_read() {
    if (setjmp(place_) != 0) return false;
    jpeg_create_decompress(&jpeg_);
    jpeg_.progress = &progress_;
    jpeg_mem_src(&jpeg_, data_, size_);
    jpeg_read_header(&jpeg_, TRUE);
    return true;
  }
  bool pixels_read(unsigned char* pixels, int channels) {
    if (setjmp(place_) != 0) return false;
    jpeg_.out_color_space = four_inks()     ? JCS_CMYK
                            : channels == 1 ? JCS_GRAYSCALE
                            : channels == 3 ? JCS_RGB
                                            : JCS_EXT_RGBA;
    jpeg_start_decompress(&jpeg_);
    while (jpeg_.output_scanline < jpeg_.output_height) {
      JSAMPROW row = pixels + static_cast<size_t>(jpeg_.output_scanline) * jpeg_.output_width * channels;
      jpeg_read_scanlines(&jpeg_, &row, 1);
    }
    jpeg_finish_decompress(&jpeg_);
    return true;
  }

  [[noreturn]] static void on_error(j_common_ptr jpeg) {
    auto* decoder = static_cast<JpegDecoder*>(jpeg->client_data);
    jpeg->err->format_message(jpeg, decoder->message_);
    std::longjmp(decoder->place_, 1);
  }
  // Damage that the library would make up for is an error, too: negative levels, but for what leaves the pixels right.
  static void on_message(j_common_ptr jpeg, int level) {
    const int code = jpeg->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM) on_error(jpeg);
  }
  // A small file of many scans would keep the decoder busy for hours.
  static void on_progress(j_common_ptr jpeg) {
    constexpr int kMaximumScans = 100;
    auto* decoder = static_cast<JpegDecoder*>(jpeg->client_data);
    if (decoder->jpeg_.input_scan_number <= kMaximumScans) return;
    std::snprintf(decoder->message_, sizeof(decoder->message_), "it has more than %d scans", kMaximumScans);
    std::longjmp(decoder->place_, 1);
  }

  const unsigned char* data_;
  size_t size_;
  jpeg_decompress_struct jpeg_ = {};
  jpeg_error_mgr errors_ = {};
  jpeg_progress_mgr progress_ = {};
  std::jmp_buf place_;
  char message_[JMSG_LENGTH_MAX] = "";
};

// Cyan, magenta, yellow and black to `channels`.
Image without_inks(const Image& inks, int channels, bool inverted) {
  Image image{inks.width, inks.height, channels, {}};
  image.pixels.reserve(inks.pixels.size() / 4 * static_cast<size_t>(channels));
  for (size_t i = 0; i < inks.pixels.size(); i += 4) {
    unsigned light[4];
    for (size_t c = 0; c < 4; ++c) light[c] = inverted ? inks.pixels[i + c] : 255u - inks.pixels[i + c];
    for (size_t c = 0; c < 3; ++c) light[c] = (light[c] * light[3] + 127) / 255;
    if (channels == 1) {
      image.pixels.push_back(luma(light[0], light[1], light[2]));
      continue;
    }
    for (size_t c = 0; c < 3; ++c) image.pixels.push_back(static_cast<unsigned char>(light[c]));
    if (channels == 4) image.pixels.push_back(255);
  }
  return image;
}

}  // namespace

Image decode_jpeg(const unsigned char* data, size_t size, int channels, int64_t maximum_pixels) {
  JpegDecoder decoder(data, size);
  decoder.read_header();
  const bool inks = decoder.four_inks();
  Image image = make_image(decoder.width(), decoder.height(), inks ? 4 : channels, maximum_pixels);
  decoder.read_pixels(&image);
  return inks ? without_inks(image, channels, decoder.inverted()) : image;
}

}  // namespace linnet::tools
