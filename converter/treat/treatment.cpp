#include "converter/treat/treatment.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "converter/weights/reparametrize.hpp"

namespace linnet::treat {

using namespace ir;

namespace {

constexpr std::string_view kSparsifyOption = "--sparsify", kTwoOfFour = "2:4", kNone = "none";

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [next, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && next == text.data() + text.size();
  return whole && std::isfinite(static_cast<double>(number)) ? std::optional(number) : std::nullopt;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// What stands behind "key=", or nothing.
std::optional<std::string_view> value_of(std::string_view word, std::string_view key) {
  if (!word.starts_with(key) || word.size() <= key.size() || word[key.size()] != '=') return std::nullopt;
  return word.substr(key.size() + 1);
}

// "GLOB:TREATMENT"; names may hold colons, treatments hold none but in 2:4.
template <class T, class Parse>
Rule<T> parse_rule(std::string_view option, std::string_view forms, std::string_view text, Parse&& parse) {
  Rule<T> rule;
  rule.text = text;
  std::string_view treatment = text;
  const bool two_of_four = option == kSparsifyOption && (text == kTwoOfFour || text.ends_with(":2:4"));
  const size_t behind = two_of_four ? text.size() - kTwoOfFour.size() : text.size();
  const size_t colon = behind > 0 ? text.rfind(':', behind - 1) : std::string_view::npos;
  if (colon != std::string_view::npos) {
    rule.glob = text.substr(0, colon);
    treatment = text.substr(colon + 1);
  }
  const auto fail = [&](std::string_view what) {
    return Error(fmt::format("{} {}: {}", option, text, what.empty() ? fmt::format("expected {}", forms) : what));
  };
  if (treatment.empty() || (colon != std::string_view::npos && rule.glob.empty())) throw fail("");
  if (treatment == kNone) return rule;
  rule.treatment.emplace();
  parse(treatment, *rule.treatment, fail);
  return rule;
}

constexpr std::string_view kClipForms = "[GLOB:]C above 0, [GLOB:]percentile=99.9, [GLOB:]mse or GLOB:none";
constexpr std::string_view kSparsifyForms =
    "[GLOB:]tau=0.01 or [GLOB:]80%, then perhaps ,element ,block=4 ,block=4x1 or ,block=16x1 and ,scope=all; "
    "[GLOB:]2:4; or GLOB:none";
constexpr std::string_view kWeightForms =
    "[GLOB:]float, [GLOB:]int8, [GLOB:]int4, [GLOB:]int2, or [GLOB:]bits=3 of 2 to 8 bits, then perhaps "
    ",scheme=minmax or ,scheme=symmetric and ,group=channel ,group=tensor or ,group=32";
constexpr std::string_view kStorageForms = "[GLOB:]dense, [GLOB:]sparse, [GLOB:]codes or GLOB:none";
constexpr std::string_view kClusterForms = "[GLOB:]16 or [GLOB:]256, then perhaps ,per=tensor or ,per=16; or GLOB:none";

std::optional<Pattern> pattern_of(std::string_view word) {
  for (const Pattern pattern : {Pattern::element, Pattern::block_4, Pattern::block_4x1, Pattern::block_16x1})
    if (word == name(pattern)) return pattern;
  return std::nullopt;
}

}  // namespace

std::string_view name(Pattern pattern) {
  switch (pattern) {
    case Pattern::element:
      return "element";
    case Pattern::block_4:
      return "block=4";
    case Pattern::block_4x1:
      return "block=4x1";
    case Pattern::block_16x1:
      return "block=16x1";
    default:
      return kTwoOfFour;
  }
}

Rule<Clip> parse_clip(std::string_view text) {
  return parse_rule<Clip>("--clip", kClipForms, text, [](std::string_view treatment, Clip& clip, const auto& fail) {
    if (treatment == "mse") {
      clip.rule = ClipRule::mse;
    } else if (const auto percentile = value_of(treatment, "percentile")) {
      const auto number = number_of<double>(*percentile);
      if (!number) throw fail("");
      if (!(*number > 0 && *number <= 100)) throw fail("a percentile is above 0 and at most 100");
      clip = {ClipRule::percentile, *number};
    } else {
      const auto number = number_of<double>(treatment);
      if (!number || !(*number > 0)) throw fail("");
      clip.number = *number;
    }
  });
}

Rule<Sparsify> parse_sparsify(std::string_view text) {
  return parse_rule<Sparsify>(
      kSparsifyOption, kSparsifyForms, text, [](std::string_view treatment, Sparsify& sparsify, const auto& fail) {
        if (treatment == kTwoOfFour) {
          sparsify.pattern = Pattern::two_of_four;
          return;
        }
        const std::vector<std::string_view> words = words_of(treatment);
        if (const auto tau = value_of(words[0], "tau")) {
          sparsify.threshold = number_of<double>(*tau);
          if (!sparsify.threshold || !(*sparsify.threshold > 0)) throw fail("");
        } else {
          const bool percent = words[0].ends_with('%');
          const auto number = percent ? number_of<double>(words[0].substr(0, words[0].size() - 1)) : std::nullopt;
          if (!number) throw fail("");
          if (!(*number >= 0 && *number <= 100)) throw fail("a percentage is from 0 to 100");
          sparsify.part = *number / 100;
        }
        bool pattern_known = false;
        for (const std::string_view word : std::vector(words.begin() + 1, words.end())) {
          if (const auto pattern = pattern_of(word); pattern && !pattern_known) {
            sparsify.pattern = *pattern;
            pattern_known = true;
          } else if (word == "scope=all" && !sparsify.threshold && !sparsify.all_layers) {
            sparsify.all_layers = true;
          } else {
            throw fail("");
          }
        }
      });
}

Rule<Weights> parse_weights(std::string_view text) {
  return parse_rule<Weights>("--weights", kWeightForms, text,
                             [](std::string_view treatment, Weights& weights, const auto& fail) {
                               if (treatment == "float") return;
                               weights.form = WeightForm::int8;
                               if (treatment == "int8") return;
                               weights.form = WeightForm::grid;
                               weights.grid = {4, Scheme::symmetric, Grouping::columns_32};
                               if (treatment == "int4") return;
                               weights.grid.bits = 2;
                               if (treatment == "int2") return;
                               const std::vector<std::string_view> words = words_of(treatment);
                               weights.grid = Grid();
                               const auto bits = number_of<int>(value_of(words[0], "bits").value_or(""));
                               if (!bits) throw fail("");
                               if (*bits < 2 || *bits > 8) throw fail("supported are 2 to 8 bits");
                               weights.grid.bits = *bits;
                               bool schemed = false, grouped = false;
                               for (const std::string_view word : std::vector(words.begin() + 1, words.end())) {
                                 const auto scheme = value_of(word, "scheme"), group = value_of(word, "group");
                                 if (!schemed && (scheme == "minmax" || scheme == "symmetric")) {
                                   weights.grid.scheme = scheme == "minmax" ? Scheme::minmax : Scheme::symmetric;
                                   schemed = true;
                                 } else if (!grouped && (group == "channel" || group == "tensor" || group == "32")) {
                                   weights.grid.grouping = group == "channel"  ? Grouping::channel
                                                           : group == "tensor" ? Grouping::tensor
                                                                               : Grouping::columns_32;
                                   grouped = true;
                                 } else {
                                   throw fail("");
                                 }
                               }
                             });
}

Rule<Cluster> parse_cluster(std::string_view text) {
  return parse_rule<Cluster>(
      "--cluster", kClusterForms, text, [](std::string_view treatment, Cluster& cluster, const auto& fail) {
        const std::vector<std::string_view> words = words_of(treatment);
        if (words[0] != "16" && words[0] != "256") throw fail("");
        cluster.entries = words[0] == "16" ? 16 : 256;
        if (words.size() > 2 || (words.size() == 2 && words[1] != "per=16" && words[1] != "per=tensor")) throw fail("");
        cluster.per_16_outputs = words.size() == 2 && words[1] == "per=16";
      });
}

Rule<Storage> parse_storage(std::string_view text) {
  return parse_rule<Storage>("--storage", kStorageForms, text,
                             [](std::string_view form, Storage& storage, const auto& fail) {
                               if (form == "sparse")
                                 storage = Storage::sparse;
                               else if (form == "codes")
                                 storage = Storage::codes;
                               else if (form != "dense")
                                 throw fail("");
                             });
}

bool names(std::string_view glob, const Node& node) {
  const std::vector<std::string> sources = node.sources.list();
  return weights::matches(glob, node.name) || std::any_of(sources.begin(), sources.end(), [&](const std::string& name) {
           return weights::matches(glob, name);
         });
}

template <class T>
const Rule<T>* find_rule(const Rules<T>& rules, const Node& node, std::string_view option) {
  const Rule<T>*named = nullptr, *general = nullptr;
  for (const Rule<T>& rule : rules) {
    if (!rule.glob.empty() && !names(rule.glob, node)) continue;
    const Rule<T>*& found = rule.glob.empty() ? general : named;
    if (found != nullptr)
      throw Error(fmt::format("{}: '{}' and '{}' contradict each other for layer {}", option, found->text, rule.text,
                              node.name));
    found = &rule;
  }
  return named != nullptr ? named : general;
}

template const Rule<Clip>* find_rule(const Rules<Clip>&, const Node&, std::string_view);
template const Rule<Sparsify>* find_rule(const Rules<Sparsify>&, const Node&, std::string_view);
template const Rule<Weights>* find_rule(const Rules<Weights>&, const Node&, std::string_view);
template const Rule<Cluster>* find_rule(const Rules<Cluster>&, const Node&, std::string_view);
template const Rule<Storage>* find_rule(const Rules<Storage>&, const Node&, std::string_view);

}  // namespace linnet::treat
