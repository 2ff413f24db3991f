// Words of command lines that messages suggest.
#pragma once

#include <string>

namespace linnet::import {

// The word, in single quotes where a shell would read it as something else.
std::string shell_word(const std::string& word);

}  // namespace linnet::import
