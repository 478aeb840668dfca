/* The network link: Wi-Fi or the emulator's Ethernet, the time server, one POST an exchange. */
#include <sdkconfig.h>

#include "port/port.h"

#if CONFIG_SOTTO_NETWORK_NONE

bool port_network_start(void)
{
    return false;
}

bool port_network_is_up(void)
{
    return false;
}

uint64_t port_network_unix_ms(void)
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
#include <esp_http_client.h>
#include <esp_log.h>
#include <esp_netif.h>
#include <esp_netif_sntp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

enum {
    HTTP_TIMEOUT_MS = 5000,
    PIECE_SIZE = 512,
    URL_SIZE = 255 + 16,
};

static const char TAG[] = "network";
static atomic_bool is_up, is_synchronised;

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
    is_synchronised = true;
}

uint64_t port_network_unix_ms(void)
{
    struct timeval now;

    if (!is_synchronised || gettimeofday(&now, NULL) != 0) return 0;
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

static bool start_interface(void)
{
    const wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    wifi_config_t config = { .sta = { .ssid = CONFIG_SOTTO_WIFI_SSID,
                                      .password = CONFIG_SOTTO_WIFI_PASSWORD } };

    if (esp_netif_create_default_wifi_sta() == NULL) return false;
    return esp_wifi_init(&init) == ESP_OK
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

static bool start_interface(void)
{
    const esp_netif_config_t netif_config = ESP_NETIF_DEFAULT_ETH();
    const eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
    eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();
    esp_eth_handle_t ethernet = NULL;

    phy_config.autonego_timeout_ms = 100;
    esp_netif_t *netif = esp_netif_new(&netif_config);
    esp_eth_mac_t *mac = esp_eth_mac_new_openeth(&mac_config);
    esp_eth_phy_t *phy = new_phy(&phy_config);
    if (netif == NULL || mac == NULL || phy == NULL) return false;
    const esp_eth_config_t config = ETH_DEFAULT_CONFIG(mac, phy);
    return esp_eth_driver_install(&config, &ethernet) == ESP_OK
           && esp_netif_attach(netif, esp_eth_new_netif_glue(ethernet)) == ESP_OK
           && esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_GOT_IP, on_address, NULL) == ESP_OK
           && esp_eth_start(ethernet) == ESP_OK;
}

#endif

bool port_network_start(void)
{
    esp_sntp_config_t time_config = ESP_NETIF_SNTP_DEFAULT_CONFIG(CONFIG_SOTTO_SNTP_SERVER);

    time_config.sync_cb = on_time;
    time_config.wait_for_sync = false;
    return esp_netif_init() == ESP_OK && esp_event_loop_create_default() == ESP_OK
           && start_interface() && esp_netif_sntp_init(&time_config) == ESP_OK;
}

/** Sends what is to be sent piece by piece: a picture is made meanwhile. */
static bool send_body(esp_http_client_handle_t client, const device_post_t *what)
{
    uint8_t piece[PIECE_SIZE];

    for (size_t left = what->size; left > 0;) {
        const size_t next = left < sizeof piece ? left : sizeof piece;

        what->read(what->context, piece, next);
        if (esp_http_client_write(client, (const char *)piece, (int)next) != (int)next) return false;
        left -= next;
    }
    return true;
}

/** Reads a whole answer of at most `room` bytes. */
static bool exchange(esp_http_client_handle_t client, const device_post_t *what, uint8_t *back,
                     size_t room, size_t *back_size)
{
    if (esp_http_client_set_header(client, "Content-Type", what->media_type) != ESP_OK
        || esp_http_client_open(client, (int)what->size) != ESP_OK || !send_body(client, what)) {
        return false;
    }
    const int64_t declared = esp_http_client_fetch_headers(client);
    if (declared < 0 || declared > (int64_t)room) return false;
    if (esp_http_client_get_status_code(client) != 200) return false;
    const int size = esp_http_client_read_response(client, (char *)back, (int)room);
    if (size < 0 || (declared > 0 && size != declared)) return false;
    *back_size = (size_t)size;
    return true;
}

bool port_network_exchange(const device_post_t *what, uint8_t *back, size_t room, size_t *back_size)
{
    char url[URL_SIZE];
    const esp_http_client_config_t config = { .url = url,
                                              .method = HTTP_METHOD_POST,
                                              .timeout_ms = HTTP_TIMEOUT_MS,
                                              .disable_auto_redirect = true };

    snprintf(url, sizeof url, "%s/packets", what->to->record.address);
    esp_http_client_handle_t client = esp_http_client_init(&config);
    if (client == NULL) return false;
    const bool is_done = exchange(client, what, back, room, back_size);
    (void)esp_http_client_cleanup(client);
    return is_done;
}

#endif
