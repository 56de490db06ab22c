// What an event says, in the words of a clerk.
#pragma once

#include <functional>
#include <string>

#include "yikou/casework/v1/casework.pb.h"

namespace yikou::reporting {

// Name of a unit, for people.
using NameOf = std::function<std::string(const std::string& unit_id)>;

// One line of Chinese, such as "移交 和平社区 → 平房区档案局（已签收）" or
// "黄灯：承诺办结时限（催办）". Event types that are not known yet are given as they are.
std::string Describe(const casework::v1::Event& event, const NameOf& name_of);

}  // namespace yikou::reporting
