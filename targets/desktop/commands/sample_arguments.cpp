#include "targets/desktop/commands/sample_arguments.hpp"

#include "targets/desktop/lib/error.hpp"

namespace linnet::tools {

SampleOptions SampleArguments::options() const {
  SampleOptions options;
  options.layout = layout;
  options.image.resize = resize == "stretch" ? Resize::stretch
                         : resize == "crop"  ? Resize::crop
                         : resize == "fit"   ? Resize::fit
                                             : Resize::none;
  options.image.bgr = channels == "bgr";
  options.image.mean = mean;
  options.image.deviation = deviation;
  options.image.scale = scale;
  for (const double value : deviation) {
    if (value == 0) throw ToolError(kUsageError, "--std must not be 0");
  }
  return options;
}

void add_sample_arguments(CLI::App* command, SampleArguments* arguments) {
  command
      ->add_option(
          "--input", arguments->inputs,
          "A .npy file (versions 1 to 3, C or Fortran order; floats of any width and integers become float32 where "
          "the model wants that; quantized inputs take floats, or integers of their own type as they are), a PNG or a "
          "JPEG. Repeat for the inputs of a model, in order or by name (or "
          "number); several files of one input are several samples, and an input with a single sample keeps it for all "
          "of "
          "the others'")
      ->allow_extra_args(false)
      ->type_name("[NAME=]FILE");
  add_image_arguments(command, arguments);
}

void add_image_arguments(CLI::App* command, SampleArguments* arguments) {
  command
      ->add_option(
          "--resize", arguments->resize,
          "For images of another size: stretch; crop (fill, cutting off the sides); fit (all of it, with black "
          "borders); none (an error)")
      ->check(CLI::IsMember({"none", "stretch", "crop", "fit"}))
      ->type_name("MODE")
      ->capture_default_str();
  command
      ->add_option("--scale", arguments->scale, "For images: the value is (pixel * scale - mean) / std; default 1/255")
      ->type_name("S");
  command->add_option("--mean", arguments->mean, "For images: one value, or one per channel in the model's order")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("M[,M,M]")
      ->capture_default_str();
  command->add_option("--std", arguments->deviation, "For images: one value, or one per channel")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("S[,S,S]")
      ->capture_default_str();
  command->add_option("--channels", arguments->channels, "For images: the model's order of the colours")
      ->check(CLI::IsMember({"rgb", "bgr"}))
      ->type_name("ORDER")
      ->capture_default_str();
  command
      ->add_option(
          "--layout", arguments->layout,
          "For images and models whose inputs kept their layout: nchw or nhwc (default: guessed from the shape)")
      ->check(CLI::IsMember({"nchw", "nhwc"}))
      ->type_name("LAYOUT");
}

}  // namespace linnet::tools
