#include "targets/desktop/lib/image.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/file.hpp"

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
