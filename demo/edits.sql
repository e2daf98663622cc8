-- The people who own this data corrected it in the warehouse. Each view is one stream of
-- tap-sqlite; target-erp's setting "streams" says which vendor resource it is.

DROP VIEW IF EXISTS edited_employees;
CREATE VIEW edited_employees AS
SELECT
    employeeGuid,
    employeeCode,
    employeeFirstName,
    employeeLastName,
    employeeTradeCode,
    employeeStatusUname,
    '+1 780 555 0199' AS employeePhone,
    -- Aimsio has no such employment type: this record must be refused.
    CASE place WHEN 3 THEN 'VOLUNTEER' ELSE employmentType END AS employmentType
FROM (SELECT *, row_number() OVER (ORDER BY employeeCode) AS place FROM aimsio_employees)
WHERE place <= 4;

DROP VIEW IF EXISTS edited_accounts;
CREATE VIEW edited_accounts AS
SELECT
    ref_id,
    nm || ' (Western Division)' AS nm,
    -- CIMcloud keeps money here: this record must be refused.
    CASE place WHEN 2 THEN 'a lot' ELSE '25000.00' END AS credit_limit
FROM (SELECT *, row_number() OVER (ORDER BY ref_id) AS place FROM cimcloud_accounts)
WHERE place <= 3;

DROP VIEW IF EXISTS edited_orders;
CREATE VIEW edited_orders AS
SELECT
    'DEMO-' || place AS thirdPartyOrderID,
    -- Nobody is the second customer: this order must be refused.
    CASE place WHEN 2 THEN 'nobody' ELSE customerID END AS customerID,
    'Typed into the warehouse' AS note1,
    -- Text in SQLite; tap-sqlite makes a list of it.
    json_array(
        json_object(
            'styleColorID', (SELECT min(styleColorID) FROM aims360_style_colors),
            'price', 12.5,
            'sizes', json_array(json_object('sizeName', 'M', 'orderQuantity', place))
        )
    ) AS lineItems
FROM (SELECT *, row_number() OVER (ORDER BY customerID) AS place FROM aims360_customers)
WHERE place <= 3;

DROP VIEW IF EXISTS edited_customers;
CREATE VIEW edited_customers AS
SELECT
    Acct,
    'accounts+' || Acct || '@example.com' AS Email,
    -- AIM sends no telegrams: this record must be refused, before it is sent.
    CASE place WHEN 3 THEN 'Telegram' ELSE 'PDF' END AS EmailMethod
FROM (SELECT *, row_number() OVER (ORDER BY Acct) AS place FROM aim_customers)
WHERE place <= 3;

DROP VIEW IF EXISTS edited_payers;
CREATE VIEW edited_payers AS
SELECT
    id,
    -- Every customer has a name: this record must be refused, before it is sent.
    CASE place WHEN 1 THEN NULL ELSE name END AS name,
    taxCode,
    '0900000' || (100 + place) AS phone
FROM (SELECT *, row_number() OVER (ORDER BY id) AS place FROM pentamic_customers)
WHERE place <= 3;
