// What tests of the command line share: JSON texts as values, and what was printed.
#pragma once

#include "protocol/json/document.hpp"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <string_view>

namespace twinhub::cli {

/// A JSON text that is known to be one.
class Json {
 public:
  explicit Json(std::string_view text) : document_(json::parse(text)) {
    if (!document_) throw std::invalid_argument("no JSON: " + std::string(text));
  }
  [[nodiscard]] json::Value root() const { return document_->root(); }

 private:
  Result<json::Document> document_;
};

/// What `function` prints on standard output.
template <class Function>
std::string printed(Function function) {
  testing::internal::CaptureStdout();
  function();
  return testing::internal::GetCapturedStdout();
}

}  // namespace twinhub::cli
