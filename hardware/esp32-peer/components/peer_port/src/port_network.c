/* The network link: Wi-Fi or the emulator's Ethernet, the time server, one POST an exchange. */
#include <sdkconfig.h>

#include "port/port.h"

#if CONFIG_SOTTO_NETWORK_NONE

bool port_network_start(const wifi_settings_t *wifi)
{
    (void)wifi;
    return false;
}

bool port_network_is_up(void)
{
    return false;
}

uint64_t port_network_take_unix_ms(void)
{
    return 0;
}

bool port_network_exchange(const device_post_t *what, uint8_t *back, size_t room, size_t *back_size)
{
    (void)what, (void)back, (void)room, (void)back_size;
    return false;
}

#else

#include <esp_event.h>
#include <esp_log.h>
#include <esp_netif.h>
#include <esp_netif_sntp.h>
#include <esp_task_wdt.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>

#include "http/http_post.h"

static const char TAG[] = "network";
static atomic_bool is_up, is_told; /* The time, since the last look. */

bool port_network_is_up(void)
{
    return is_up;
}

static void on_address(void *context, esp_event_base_t base, int32_t id, void *data)
{
    (void)context, (void)base, (void)id, (void)data;
    is_up = true;
    ESP_LOGI(TAG, "up");
}

static void on_time(struct timeval *time)
{
    (void)time;
    is_told = true;
}

uint64_t port_network_take_unix_ms(void)
{
    struct timeval now;

    if (!atomic_exchange(&is_told, false) || gettimeofday(&now, NULL) != 0) return 0;
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

#if CONFIG_SOTTO_NETWORK_WIFI

#include <esp_wifi.h>

/** Tries for ever: an access point may be away for a day. */
static void on_wifi(void *context, esp_event_base_t base, int32_t id, void *data)
{
    (void)context, (void)base, (void)data;
    if (id == WIFI_EVENT_STA_DISCONNECTED) is_up = false;
    if (id == WIFI_EVENT_STA_START || id == WIFI_EVENT_STA_DISCONNECTED) (void)esp_wifi_connect();
}

static bool start_interface(const wifi_settings_t *wifi)
{
    const wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    wifi_config_t config = { 0 };

    if (wifi->name[0] == '\0') {
        ESP_LOGW(TAG, "no Wi-Fi was told: type `wifi NAME PASSWORD`");
        return false;
    }
    /* The longest of both fill their fields and have no zero there. */
    memcpy(config.sta.ssid, wifi->name, strlen(wifi->name));
    memcpy(config.sta.password, wifi->password, strlen(wifi->password));
    if (esp_netif_create_default_wifi_sta() == NULL) return false;
    /* The store has them; the driver's own copy would outlive a reset to the factory's state. */
    return esp_wifi_init(&init) == ESP_OK && esp_wifi_set_storage(WIFI_STORAGE_RAM) == ESP_OK
           && esp_event_handler_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, NULL) == ESP_OK
           && esp_event_handler_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_address, NULL) == ESP_OK
           && esp_wifi_set_mode(WIFI_MODE_STA) == ESP_OK
           && esp_wifi_set_config(WIFI_IF_STA, &config) == ESP_OK && esp_wifi_start() == ESP_OK;
}

#else

#include <esp_eth.h>
#include <esp_eth_mac_openeth.h>
#include <esp_idf_version.h>

/** The PHY that the emulator has; ESP-IDF 6 keeps only the driver for all that follow IEEE 802.3. */
static esp_eth_phy_t *new_phy(const eth_phy_config_t *config)
{
#if ESP_IDF_VERSION_MAJOR >= 6
    return esp_eth_phy_new_generic(config);
#else
    return esp_eth_phy_new_dp83848(config);
#endif
}

static void on_cable(void *context, esp_event_base_t base, int32_t id, void *data)
{
    (void)context, (void)base, (void)data;
    if (id == ETHERNET_EVENT_DISCONNECTED) is_up = false;
}

static bool start_interface(const wifi_settings_t *wifi)
{
    const esp_netif_config_t netif_config = ESP_NETIF_DEFAULT_ETH();
    const eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
    eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();
    esp_eth_handle_t ethernet = NULL;

    (void)wifi;
    phy_config.autonego_timeout_ms = 100;
    phy_config.reset_gpio_num = -1; /* The default is a pin of the serial line's. */
    esp_netif_t *netif = esp_netif_new(&netif_config);
    esp_eth_mac_t *mac = esp_eth_mac_new_openeth(&mac_config);
    esp_eth_phy_t *phy = new_phy(&phy_config);
    if (netif == NULL || mac == NULL || phy == NULL) return false;
    const esp_eth_config_t config = ETH_DEFAULT_CONFIG(mac, phy);
    return esp_eth_driver_install(&config, &ethernet) == ESP_OK
           && esp_netif_attach(netif, esp_eth_new_netif_glue(ethernet)) == ESP_OK
           && esp_event_handler_register(ETH_EVENT, ESP_EVENT_ANY_ID, on_cable, NULL) == ESP_OK
           && esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_GOT_IP, on_address, NULL) == ESP_OK
           && esp_eth_start(ethernet) == ESP_OK;
}

#endif

bool port_network_start(const wifi_settings_t *wifi)
{
    esp_sntp_config_t time_config = ESP_NETIF_SNTP_DEFAULT_CONFIG(CONFIG_SOTTO_SNTP_SERVER);

    time_config.sync_cb = on_time;
    time_config.wait_for_sync = false;
    const bool is_started = esp_netif_init() == ESP_OK && esp_event_loop_create_default() == ESP_OK
                            && start_interface(wifi) && esp_netif_sntp_init(&time_config) == ESP_OK;
    if (!is_started) ESP_LOGE(TAG, "cannot be used");
    return is_started;
}

static void feed_watchdog(void)
{
    (void)esp_task_wdt_reset();
}

bool port_network_exchange(const device_post_t *what, uint8_t *back, size_t room, size_t *back_size)
{
    return http_post(what, feed_watchdog, back, room, back_size);
}

#endif
