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
