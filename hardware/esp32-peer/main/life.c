#include "life.h"

#include <esp_log.h>
#include <esp_ota_ops.h>
#include <esp_system.h>

enum {
    CRASHES_TO_SAFE_MODE = 3,
    STABLE_AFTER_MS = 60 * 1000,
    SAFE_MODE_MS = 10 * 60 * 1000,
};

static const char TAG[] = "sotto";
static const store_t *kept;
static uint32_t crash_streak;
static bool is_safe_mode, is_stable;

static bool is_crash(esp_reset_reason_t reason)
{
    return reason == ESP_RST_PANIC || reason == ESP_RST_INT_WDT || reason == ESP_RST_TASK_WDT
           || reason == ESP_RST_WDT;
}

uint32_t life_count(const char *name, bool is_due)
{
    uint32_t value = 0;

    if (!kept->load(kept->context, name, &value, sizeof value)) value = 0;
    if (!is_due) return value;
    value++;
    (void)!kept->save(kept->context, name, &value, sizeof value);
    return value;
}

bool life_start(const store_t *store, health_t *health)
{
    const esp_reset_reason_t reason = esp_reset_reason();

    kept = store;
    health->reset_reason = (uint32_t)reason;
    health->boots = life_count("boots", true);
    health->crashes = life_count("crashes", is_crash(reason));
    health->brownouts = life_count("brownouts", reason == ESP_RST_BROWNOUT);
    crash_streak = life_count("streak", is_crash(reason));
    is_safe_mode = crash_streak >= CRASHES_TO_SAFE_MODE;
    if (is_safe_mode) ESP_LOGE(TAG, "safe mode after %u crashes", (unsigned)crash_streak);
    return is_safe_mode;
}

void life_go_on(uint64_t now_ms)
{
    if (is_safe_mode && now_ms >= SAFE_MODE_MS) {
        ESP_LOGW(TAG, "safe mode ends");
        esp_restart();
    }
    if (is_stable || now_ms < STABLE_AFTER_MS) return;
    is_stable = true;
    (void)esp_ota_mark_app_valid_cancel_rollback();
    if (crash_streak == 0) return;
    crash_streak = 0;
    (void)!kept->save(kept->context, "streak", &crash_streak, sizeof crash_streak);
}
