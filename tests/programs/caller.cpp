#include <cstdio>
#include <memory>

#include "kernel.h"

int main(int, char **arguments)
{
    const auto *text = reinterpret_cast<const uint8_t *>(arguments[2]);
    const auto *password = reinterpret_cast<const uint8_t *>(arguments[1]);
    size_t length = 0;
    while (password[length]) {
        length++;
    }
    auto group = std::make_unique<bb_group>();
    bb_setting setting{};
    bb_item item{}, *items[] = {&item};
    char hash[BB_HASH_CHARS];

    static_assert(alignof(bb_group) == 64);
    if (bb_self_test(group.get(), bb_choose_kernel()) != 0) {
        return 1;
    }
    if (bb_parse_hash(text, BB_HASH_CHARS, &setting) != BB_OK) {
        return 2;
    }
    bb_load_item(&item, password, length, &setting);
    bb_group_start(group.get(), bb_choose_kernel(), items, 1, setting.cost);
    while (!bb_group_advance(group.get(), 100)) {
    }
    bb_format_hash(&setting, item.digest, hash);
    std::printf("%.60s", hash);
}
