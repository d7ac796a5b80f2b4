// What the flags of one command say: their words as numbers, times, lists and devices.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "apps/goshawk/command.h"
#include "goshawk/runtime/device.h"

namespace goshawk::cli {

/// `text` as a whole, of which nothing may be left.
template <typename T>
std::optional<T> number_in(const std::string& text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// A whole number from 0. Throws Error{kUsage}.
std::optional<std::uint64_t> count_option(const Invocation& call, const std::string& flag);
/// A whole number within [least, most]. Throws Error{kUsage}.
std::optional<std::int64_t> integer_option(const Invocation& call, const std::string& flag, std::int64_t least,
                                           std::int64_t most);
/// A time of at least `least`, in seconds or as minutes:seconds. Throws Error{kUsage}.
std::optional<std::chrono::microseconds> time_option(const Invocation& call, const std::string& flag,
                                                     std::chrono::microseconds least);
/// A number within [least, most]. Throws Error{kUsage}.
std::optional<double> number_option(const Invocation& call, const std::string& flag, double least, double most);
/// "a,b" without empty words; empty without the flag.
std::vector<std::string> list_option(const Invocation& call, const std::string& flag);
/// The value of a flag that the command needs. Throws Error{kUsage}.
std::string required_option(const Invocation& call, const std::string& flag);
/// --devices: each once, `all` for those that are here; without it the one of --device. Throws Error{kUsage}.
std::vector<runtime::Device> devices_option(const Invocation& call);

/// Throws Error{kUsage} with `why` and `hint` for the first of `flags` that is given: it would do nothing.
void refuse_flags(const Invocation& call, std::initializer_list<const char*> flags, const std::string& why,
                  const std::string& hint);
/// Whether a setting was given as a flag, not by a file, a profile or the environment.
bool given_as_flag(const Invocation& call, const std::string& key);
/// The same as `refuse_flags` for settings, by their keys.
void refuse_settings(const Invocation& call, std::initializer_list<const char*> keys, const std::string& why,
                     const std::string& hint);

}  // namespace goshawk::cli
