#include "targets/desktop/lib/image.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/file.hpp"
#include "tests/tools/image_files.hpp"

namespace linnet::tools {
namespace {

Image constant_image(int width, int height, std::vector<unsigned char> colour) {
  Image image{width, height, static_cast<int>(colour.size()), {}};
  for (int i = 0; i < width * height; ++i) image.pixels.insert(image.pixels.end(), colour.begin(), colour.end());
  return image;
}

ImageOptions raw_values(Resize resize = Resize::none) {
  ImageOptions options;
  options.scale = 1;
  options.resize = resize;
  return options;
}

TEST(Image, PngSurvivesWritingAndReading) {
  Image image{5, 3, 3, {}};
  for (int i = 0; i < 45; ++i) image.pixels.push_back(static_cast<unsigned char>(i * 5));
  const std::string path =
      (std::filesystem::temp_directory_path() / ("linnet_image_test." + std::to_string(getpid()) + ".png")).string();
  write_png(path, image);
  const MappedFile file(path);
  ASSERT_TRUE(is_image(file.data(), file.size()));
  const Image read = decode_image(path, file.data(), file.size(), 3);
  EXPECT_EQ(read.width, 5);
  EXPECT_EQ(read.height, 3);
  EXPECT_EQ(read.pixels, image.pixels);
  EXPECT_EQ(decode_image(path, file.data(), file.size(), 1).pixels.size(), 15u);
  EXPECT_EQ(decode_image(path, file.data(), file.size(), 4).pixels[3], 255);
  EXPECT_THROW(decode_image(path, file.data(), file.size(), 2), ToolError);
  EXPECT_THROW(decode_image(path, file.data(), file.size() / 2, 3), ToolError);
  std::filesystem::remove(path);
}

std::vector<test::ImageFile> small_images() {
  return test::image_files(13, 10);
}

Image decoded(const std::string& bytes, int channels, int64_t maximum_pixels = kMaximumPixels) {
  return decode_image("x", reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), channels,
                      maximum_pixels);
}

// The error of decoding, "" where there is none.
std::string error_of(const std::string& bytes, int channels, int64_t maximum_pixels = kMaximumPixels) {
  try {
    decoded(bytes, channels, maximum_pixels);
    return "";
  } catch (const ToolError& error) {
    EXPECT_EQ(error.exit_code(), kDataError) << error.what();
    return error.what();
  }
}

TEST(Image, EveryKindOfFileDecodes) {
  for (const test::ImageFile& file : small_images()) {
    const bool jpeg = file.bytes[0] == '\xff';
    const Image image = decoded(file.bytes, file.picture.channels);
    ASSERT_EQ(image.pixels.size(), file.picture.pixels.size()) << file.name;
    for (size_t i = 0; i < image.pixels.size(); ++i) {
      EXPECT_NEAR(image.pixels[i], file.picture.pixels[i], jpeg ? 3 : 0) << file.name << ", value " << i;
    }
  }
}

TEST(Image, EveryKindOfFileDecodesToAnyChannels) {
  for (const test::ImageFile& file : small_images()) {
    const int stored = file.picture.channels;
    const bool jpeg = file.bytes[0] == '\xff';
    for (const int channels : {1, 3, 4}) {
      const Image image = decoded(file.bytes, channels);
      ASSERT_EQ(image.channels, channels);
      ASSERT_EQ(image.pixels.size(), static_cast<size_t>(13 * 10 * channels)) << file.name;
      for (size_t pixel = 0; pixel < 13 * 10; ++pixel) {
        const unsigned char* from = &file.picture.pixels[pixel * static_cast<size_t>(stored)];
        const auto colour = [&](int c) { return static_cast<double>(from[stored == 1 ? 0 : c]); };
        for (int c = 0; c < channels; ++c) {
          const double wanted = channels == 1 ? 0.299 * colour(0) + 0.587 * colour(1) + 0.114 * colour(2)
                                : c < 3       ? colour(c)
                                              : (stored == 4 ? colour(3) : 255);
          EXPECT_NEAR(image.pixels[pixel * static_cast<size_t>(channels) + static_cast<size_t>(c)], wanted,
                      jpeg ? 3 : 0.51)
              << file.name << " to " << channels << " channels, pixel " << pixel;
        }
      }
    }
  }
}

TEST(Image, AFileThatEndsEarlyIsAnError) {
  for (const test::ImageFile& file : small_images()) {
    const std::vector<unsigned char> whole = decoded(file.bytes, 3).pixels;
    for (size_t size = 4; size < file.bytes.size(); ++size) {
      const std::string part = file.bytes.substr(0, size), error = error_of(part, 3);
      // What follows a PNG's pixels may be missing.
      if (error.empty())
        EXPECT_EQ(decoded(part, 3).pixels, whole) << file.name << ", " << size << " bytes";
      else
        EXPECT_GT(error.size(), std::string("x: cannot decode the image: ").size()) << file.name;
    }
  }
}

TEST(Image, AnyDamagedByteGivesAnErrorOrAnImage) {
  for (const test::ImageFile& file : small_images()) {
    for (size_t i = 4; i < file.bytes.size(); ++i) {
      for (const int bits : {0xff, 0x01, 0x80}) {
        std::string bytes = file.bytes;
        bytes[i] = static_cast<char>(bytes[i] ^ bits);
        error_of(bytes, 3, 1 << 16);
      }
    }
  }
}

TEST(Image, TooManyPixelsAreAnErrorBeforeTheyAreAllocated) {
  for (const test::ImageFile& file : small_images()) {
    const bool jpeg = file.bytes[0] == '\xff';
    for (const unsigned side : {8193u, 30000u, 65000u, 0x7fffffffu}) {
      if (jpeg && side > 65000) continue;
      const std::string bytes = (jpeg ? test::jpeg_of_size : test::png_of_size)(file.bytes, side, side);
      const std::string size = std::to_string(side) + "x" + std::to_string(side);
      // Where sizes have 32 bits, libpng itself refuses such lines.
      const bool refused_before = sizeof(size_t) == 4 && side == 0x7fffffffu;
      EXPECT_NE(
          error_of(bytes, 3).find(refused_before ? "Invalid IHDR"
                                                 : size + " (width x height); supported are at most 67,108,864 pixels"),
          std::string::npos)
          << file.name << ": " << error_of(bytes, 3);
    }
    EXPECT_EQ(error_of(file.bytes, 3, 130), "") << file.name;
    EXPECT_NE(error_of(file.bytes, 3, 129), "") << file.name;
  }
}

TEST(Image, AThinLongImageIsResizedWithoutALargeOneBetween) {
  const Image image = constant_image(1, 1 << 20, {70, 80, 90});
  for (const Resize resize : {Resize::stretch, Resize::crop}) {
    for (const float value : image_values("x", image, 3, 4096, raw_values(resize))) EXPECT_NEAR(value, 80, 10.01);
  }
}

TEST(Image, ChannelsComeFirstScaledInTheWantedOrder) {
  ImageOptions options;
  options.scale = 0.5;
  options.mean = {1, 2, 3};
  options.deviation = {2};
  const Image image = constant_image(2, 1, {10, 20, 30});
  EXPECT_EQ(image_values("x", image, 1, 2, options), (std::vector<float>{2, 2, 4, 4, 6, 6}));
  options.bgr = true;
  EXPECT_EQ(image_values("x", image, 1, 2, options), (std::vector<float>{7, 7, 4, 4, 1, 1}));
  options.mean = {1, 2};
  EXPECT_THROW(image_values("x", image, 1, 2, options), ToolError);
}

TEST(Image, AnotherSizeNeedsResize) {
  const Image image = constant_image(6, 4, {100});
  EXPECT_THROW(image_values("x", image, 3, 3, raw_values()), ToolError);
  for (const Resize resize : {Resize::stretch, Resize::crop}) {
    for (const float value : image_values("x", image, 3, 5, raw_values(resize))) EXPECT_NEAR(value, 100, 1e-4);
  }
}

TEST(Image, FitKeepsProportionsAndFillsWithBlack) {
  // 8 x 4 into 4 x 4: two rows of the image in the middle.
  const std::vector<float> values = image_values("x", constant_image(8, 4, {50}), 4, 4, raw_values(Resize::fit));
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) EXPECT_NEAR(values[static_cast<size_t>(y * 4 + x)], y == 1 || y == 2 ? 50 : 0, 1e-4);
  }
}

TEST(Image, CropTakesTheMiddle) {
  // Columns 0 0 9 9 0 0; a square from the middle.
  Image image{6, 2, 1, {0, 0, 9, 9, 0, 0, 0, 0, 9, 9, 0, 0}};
  EXPECT_EQ(image_values("x", image, 2, 2, raw_values(Resize::crop)), (std::vector<float>{9, 9, 9, 9}));
}

TEST(Image, HalvingIsTheTriangleFilterOfTwiceTheWidth) {
  // Weights 1/8 3/8 3/8 1/8 around the centre of each output pixel, renormalised at the borders.
  const Image image{4, 1, 1, {0, 80, 160, 240}};
  const std::vector<float> values = image_values("x", image, 1, 2, raw_values(Resize::stretch));
  EXPECT_NEAR(values[0], (3 * 0 + 3 * 80 + 1 * 160) / 7.0, 1e-3);
  EXPECT_NEAR(values[1], (1 * 80 + 3 * 160 + 3 * 240) / 7.0, 1e-3);
}

TEST(Image, EnlargingIsBilinear) {
  const Image image{2, 1, 1, {0, 100}};
  const std::vector<float> values = image_values("x", image, 1, 4, raw_values(Resize::stretch));
  const float expected[] = {0, 25, 75, 100};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(values[i], expected[i], 1e-3);
}

}  // namespace
}  // namespace linnet::tools
