// Reads the test images of the digits network, compares with the labels and with PyTorch's outputs, and draws some of
// them.
//   digits_demo MODEL.lnt FOLDER OUTPUT.png
// FOLDER holds test_images.npy, test_labels.npy and test_logits.npy.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "engine/linnet.hpp"
#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/file.hpp"
#include "targets/desktop/lib/image.hpp"
#include "targets/desktop/lib/npy.hpp"

namespace linnet::tools {
namespace {

constexpr int kSide = 8, kPixels = kSide * kSide, kClasses = 10;
constexpr double kDarkest = 16;  // the data's largest pixel value

struct Digits {
  NpyArray images, labels, logits;
  size_t count = 0;
  double pixel(size_t image, int y, int x) const {
    return images.number(image * kPixels + static_cast<size_t>(y) * kSide + static_cast<size_t>(x));
  }
  int label(size_t image) const { return static_cast<int>(labels.number(image)); }
};

Digits read_digits(const std::string& folder) {
  Digits digits{read_npy(folder + "/test_images.npy"), read_npy(folder + "/test_labels.npy"),
                read_npy(folder + "/test_logits.npy"), 0};
  digits.count = digits.labels.size();
  if (digits.images.size() != digits.count * kPixels || digits.logits.size() != digits.count * kClasses) {
    throw ToolError(kDataError, folder + ": images, labels and logits are not of as many digits");
  }
  return digits;
}

struct Result {
  std::vector<int> predictions;
  int correct = 0, correct_in_pytorch = 0, equal = 0;
  double largest_difference = 0;
};

template <class Values>
int largest_of(const Values& value) {
  int best = 0;
  for (int c = 1; c < kClasses; ++c) {
    if (value(c) > value(best)) best = c;
  }
  return best;
}

Result read_all(Session& session, const Digits& digits) {
  Result result;
  const Span<float> input = session.input<float>(0);
  const Span<const float> output = session.output<float>(0);
  if (input.size() != kPixels || output.size() != kClasses) throw ToolError(kModelError, "not the digits network");
  for (size_t image = 0; image < digits.count; ++image) {
    for (size_t i = 0; i < kPixels; ++i) input[i] = static_cast<float>(digits.images.number(image * kPixels + i));
    session.run();
    const auto expected = [&](int c) { return digits.logits.number(image * kClasses + static_cast<size_t>(c)); };
    const int prediction = largest_of([&](int c) { return output[static_cast<size_t>(c)]; });
    const int of_pytorch = largest_of(expected);
    result.predictions.push_back(prediction);
    result.correct += prediction == digits.label(image);
    result.correct_in_pytorch += of_pytorch == digits.label(image);
    result.equal += prediction == of_pytorch;
    for (int c = 0; c < kClasses; ++c) {
      const double difference = std::abs(output[static_cast<size_t>(c)] - expected(c));
      // A NaN counts as the largest difference.
      if (!(difference <= result.largest_difference)) result.largest_difference = difference;
    }
  }
  return result;
}

void print_result(const Result& result, size_t count) {
  const auto percent = [&](int value) { return 100.0 * value / static_cast<double>(count); };
  std::printf("linnet reads  %d of %zu digits correctly (%.2f%%)\n", result.correct, count, percent(result.correct));
  std::printf("PyTorch reads %d of %zu digits correctly (%.2f%%)\n", result.correct_in_pytorch, count,
              percent(result.correct_in_pytorch));
  std::printf("%d of %zu predictions are PyTorch's; the largest difference of a logit is %.2e\n", result.equal, count,
              result.largest_difference);
}

// The digits that are read wrongly, then the first ones that are read right: `count` in all.
std::vector<size_t> interesting(const Digits& digits, const Result& result, size_t count) {
  std::vector<size_t> order(digits.count);
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_partition(order.begin(), order.end(), [&](size_t i) { return result.predictions[i] != digits.label(i); });
  order.resize(std::min(count, order.size()));
  return order;
}

void print_digits(const Digits& digits, const Result& result, const std::vector<size_t>& shown) {
  constexpr size_t kPerRow = 5;
  constexpr char kShades[] = " .:-=+*%#@";
  for (size_t start = 0; start < shown.size(); start += kPerRow) {
    const size_t end = std::min(start + kPerRow, shown.size());
    std::printf("\n");
    for (int y = 0; y < kSide; ++y) {
      for (size_t i = start; i < end; ++i) {
        for (int x = 0; x < kSide; ++x) {
          const char shade = kShades[static_cast<size_t>(std::lround(digits.pixel(shown[i], y, x) / kDarkest * 9))];
          std::printf("%c%c", shade, shade);
        }
        std::printf(i + 1 < end ? "  " : "\n");
      }
    }
    for (size_t i = start; i < end; ++i) {
      const int prediction = result.predictions[shown[i]], label = digits.label(shown[i]);
      std::string text = "read as " + std::to_string(prediction);
      if (prediction != label) text += ", is " + std::to_string(label);
      std::printf(i + 1 < end ? "%-18s" : "%s\n", text.c_str());
    }
  }
}

using Colour = std::array<unsigned char, 3>;

class Canvas {
 public:
  Canvas(int width, int height)
      : image_{width, height, 3, std::vector<unsigned char>(static_cast<size_t>(width) * height * 3, 255)} {}
  void rectangle(int left, int top, int width, int height, const Colour& colour) {
    for (int y = top; y < top + height; ++y) {
      for (int x = left; x < left + width; ++x) {
        std::copy(colour.begin(), colour.end(),
                  image_.pixels.begin() + (static_cast<std::ptrdiff_t>(y) * image_.width + x) * 3);
      }
    }
  }
  // A character of 3 x 5 dots: a digit or '/'.
  void character(int left, int top, int dot, char c, const Colour& colour) {
    constexpr unsigned kGlyphs[11] = {0x7b6f, 0x2c97, 0x73e7, 0x73cf, 0x5bc9, 0x79cf,
                                      0x79ef, 0x7292, 0x7bef, 0x7bcf, 0x12a4};
    const unsigned glyph = kGlyphs[c == '/' ? 10 : c - '0'];
    for (int i = 0; i < 15; ++i) {
      if (glyph >> (14 - i) & 1) rectangle(left + i % 3 * dot, top + i / 3 * dot, dot, dot, colour);
    }
  }
  const Image& image() const { return image_; }

 private:
  Image image_;
};

// One tile per digit: the image, and below it the prediction, in red and with the label behind it where it is wrong.
Canvas draw_digits(const Digits& digits, const Result& result, const std::vector<size_t>& shown) {
  constexpr int kColumns = 10, kPixel = 9, kGap = 10, kDot = 4, kCaption = 5 * kDot + 6;
  constexpr int kTileWidth = kSide * kPixel + kGap, kTileHeight = kSide * kPixel + kCaption + kGap;
  constexpr Colour kRight = {0, 130, 60}, kWrong = {200, 30, 30};
  const int rows = (static_cast<int>(shown.size()) + kColumns - 1) / kColumns;
  Canvas canvas(kColumns * kTileWidth + kGap, rows * kTileHeight + kGap);
  for (size_t i = 0; i < shown.size(); ++i) {
    const int left = kGap + static_cast<int>(i) % kColumns * kTileWidth,
              top = kGap + static_cast<int>(i) / kColumns * kTileHeight;
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        const auto grey = static_cast<unsigned char>(235 - digits.pixel(shown[i], y, x) / kDarkest * 235);
        canvas.rectangle(left + x * kPixel, top + y * kPixel, kPixel, kPixel, {grey, grey, grey});
      }
    }
    const int prediction = result.predictions[shown[i]], label = digits.label(shown[i]);
    std::string text = std::to_string(prediction);
    if (prediction != label) text += "/" + std::to_string(label);
    for (size_t c = 0; c < text.size(); ++c) {
      canvas.character(left + static_cast<int>(c) * 4 * kDot, top + kSide * kPixel + 4, kDot, text[c],
                       prediction == label ? kRight : kWrong);
    }
  }
  return canvas;
}

int demo(const std::string& model_path, const std::string& folder, const std::string& png) {
  constexpr size_t kPrinted = 10, kDrawn = 50;
  const MappedFile model(model_path);
  Session session(model.data(), model.size());
  const Digits digits = read_digits(folder);
  const Result result = read_all(session, digits);
  print_result(result, digits.count);
  print_digits(digits, result, interesting(digits, result, kPrinted));
  write_png(png, draw_digits(digits, result, interesting(digits, result, kDrawn)).image());
  std::printf("\n%zu digits drawn to %s (green: read right; red: read as / is)\n", std::min(kDrawn, digits.count),
              png.c_str());
  return result.equal == static_cast<int>(digits.count) ? kOk : kModelError;
}

}  // namespace
}  // namespace linnet::tools

int main(int argc, char** argv) {
  using namespace linnet::tools;
  if (argc != 4) {
    std::fprintf(stderr, "usage: digits_demo MODEL.lnt FOLDER OUTPUT.png\n");
    return kUsageError;
  }
  try {
    return demo(argv[1], argv[2], argv[3]);
  } catch (const ToolError& error) {
    std::fprintf(stderr, "digits_demo: %s\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "digits_demo: %s\n", error.what());
    return kModelError;
  }
}
