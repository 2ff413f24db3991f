// tool_seeds FOLDER: writes seeds for the fuzz targets of the tools, images and .npy files of every kind, into
// FOLDER/image and FOLDER/npy.
#include <filesystem>
#include <fstream>

#include "tests/tools/command.hpp"
#include "tests/tools/image_files.hpp"

int main(int argc, char** argv) {
  using namespace linnet::test;
  if (argc != 2) return 2;
  const std::filesystem::path folder(argv[1]);
  const auto write = [&](const std::filesystem::path& name, const std::string& bytes) {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << bytes;
  };
  for (const ImageFile& file : image_files(9, 6)) write("image/" + file.name, file.bytes);
  for (const std::string type : {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}) {
    const std::string elements(static_cast<size_t>(6 * (type[1] - '0')), '\x01');
    for (const std::string order : {"<", ">"}) {
      for (const bool fortran : {false, true}) {
        for (const int version : {1, 2}) {
          write("npy/" + std::string(order == "<" ? "little" : "big") + type + (fortran ? "f" : "c") +
                    std::to_string(version),
                npy_file(npy_header(order + type, "(2, 3)", fortran), elements, version));
        }
      }
    }
  }
  write("npy/scalar", npy_file(npy_header("<f4", "()"), "abcd"));
  write("npy/empty", npy_file(npy_header("<f4", "(3, 0, 2)"), ""));
  write("npy/vector", npy_file(npy_header("|u1", "(3,)"), "abc"));
  return 0;
}
