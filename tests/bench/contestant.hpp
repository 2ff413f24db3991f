// The C++ side of the protocol between compare.sh and its contestants, which compare/contestants/worker.py describes.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace linnet::bench {

class Contestant {
 public:
  virtual ~Contestant() = default;
  // Members of the first answer besides "ready", as JSON: R"("version": "1", "isa": "avx2")".
  virtual std::string facts() const = 0;
  // Prepares a run (writes the input); not measured.
  virtual void fill() {}
  virtual void run() = 0;
  // After a run: writes its output, flat, to a .npy file.
  virtual void write_output(const std::string& path) = 0;
};

// Makes the contestant, announces it and obeys commands until standard input ends. Returns the exit code.
int serve(const std::function<std::unique_ptr<Contestant>()>& make);

}  // namespace linnet::bench
